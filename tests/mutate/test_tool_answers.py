"""Answers as other tools ask for them, and in the markup of other tools: a second trial of the reader.

Each is a whole answer to the task of `answer_forms`, with what it means: "density" (the one change), "both" (two), or
"" for what nobody can read, or must not be run. Comments and white space at the ends of lines are no matter.
"""

from __future__ import annotations

import html
import json

import pytest
from answer_forms import DEFINES, DENSE, DENSITY, GONE, ORDER, VAN, Pair, blocks, fence, indented, made

from evolve.mutate.answers.answer import read_answer

ONE, TWO = [DENSITY], [DENSITY, ORDER]
OLD, NEW = DENSITY
WORTH = DENSE[DENSE.index("def worth") :].rstrip()


def bare(edits: list[Pair]) -> str:
    """Return edits without the words before them."""
    return blocks(edits).partition("\n\n")[2]


ANSWERS: dict[str, tuple[str, str]] = {
    # aider & co
    "aider udiff no space context": (
        fence(
            '--- program.py\n+++ program.py\n@@ ... @@\n-    note = "not used"\n-    return 0.0\n'
            "+    return -value / weight",
            "diff",
        ),
        "density",
    ),
    "aider file then fence": (
        "program.py\n<<<<<<< SEARCH\n" + OLD + "\n=======\n" + NEW + "\n>>>>>>> REPLACE\n",
        "density",
    ),
    "aider whole file with path line": ("program.py\n```\n" + DENSE + "```\n", "density"),
    "aider path in bold": ("**program.py**\n\n" + fence(DENSE), "density"),
    "openevolve evolve-block answer": ("# EVOLVE-BLOCK-START\n" + DENSE + "# EVOLVE-BLOCK-END\n", "density"),
    "cline replace_in_file": (
        "<replace_in_file>\n<path>program.py</path>\n<diff>\n------- SEARCH\n"
        + OLD
        + "\n=======\n"
        + NEW
        + "\n+++++++ REPLACE\n</diff>\n</replace_in_file>",
        "density",
    ),
    "cline write_to_file": (
        "<write_to_file>\n<path>program.py</path>\n<content>\n"
        + DENSE
        + "</content>\n<line_count>30</line_count>\n</write_to_file>",
        "density",
    ),
    "roo apply_diff": (
        "<apply_diff>\n<path>p.py</path>\n<diff>\n<<<<<<< SEARCH\n:start_line:31\n-------\n"
        + OLD
        + "\n=======\n"
        + NEW
        + "\n>>>>>>> REPLACE\n</diff>\n</apply_diff>",
        "density",
    ),
    "cursor style fence with line range": ("```31:32:program.py\n" + WORTH + "\n```", "density"),
    "openhands str_replace_editor": (
        "<function=str_replace_editor>\n<parameter=command>str_replace</parameter>\n"
        "<parameter=path>/p.py</parameter>\n<parameter=old_str>\n"
        + OLD
        + "\n</parameter>\n<parameter=new_str>\n"
        + NEW
        + "\n</parameter>\n</function>",
        "density",
    ),
    "sweagent edit": ("```\nedit 1:30\n" + DENSE + "end_of_edit\n```", ""),
    "morph update with existing comments": (
        fence("# ... existing code ...\n\n" + WORTH + "\n\n# ... existing code ..."),
        "",
    ),
    "JSON search/replace list top": (json.dumps([{"search": s, "replace": r} for s, r in TWO]), "both"),
    "JSON old/new": (fence(json.dumps({"changes": [{"old": s, "new": r} for s, r in TWO]}, indent=2), "json"), "both"),
    "JSON original/updated": (json.dumps({"edits": [{"original": s, "updated": r} for s, r in TWO]}), "both"),
    "JSON before/after": (json.dumps({"edits": [{"before": s, "after": r} for s, r in TWO]}), "both"),
    "JSON find/replace": (json.dumps({"edits": [{"find": s, "replace": r} for s, r in TWO]}), "both"),
    "JSON old_code/new_code": (json.dumps({"reason": "x", "old_code": OLD, "new_code": NEW}), "density"),
    "JSON full_code": (json.dumps({"full_code": DENSE}), "density"),
    "JSON updated_code": (fence(json.dumps({"updated_code": DENSE}), "json"), "density"),
    "JSON solution": (json.dumps({"thoughts": "t", "solution": DENSE}), "density"),
    "JSON python_code": (json.dumps({"python_code": DENSE}), "density"),
    "JSON code with fence in it": (json.dumps({"code": fence(DENSE)}), "density"),
    "JSON file map": (json.dumps({"files": {"program.py": DENSE}}), "density"),
    "JSON files list": (json.dumps({"files": [{"path": "program.py", "content": DENSE}]}), "density"),
    "OpenAI tool_calls list": (
        json.dumps(
            [{"type": "function", "function": {"name": "submit_program", "arguments": json.dumps({"source": DENSE})}}]
        ),
        "density",
    ),
    "YAML literal": (fence("idea: density\nprogram: |\n" + indented(DENSE, "  "), "yaml"), "density"),
    "python JSON with triple quotes": ('{"code": """\n' + DENSE + '"""}', "density"),
    "XML file attr": ('<file name="program.py">\n' + DENSE + "</file>", "density"),
    "XML file path child": (
        "<file><path>program.py</path><content><![CDATA[\n" + DENSE + "]]></content></file>",
        "density",
    ),
    "artifact boltAction": (
        '<boltArtifact id="x"><boltAction type="file" filePath="program.py">\n'
        + DENSE
        + "</boltAction></boltArtifact>",
        "density",
    ),
    "SEARCH/REPLACE words alone": ("SEARCH:\n" + fence(OLD) + "REPLACE:\n" + fence(NEW), "density"),
    "FIND/REPLACE WITH": ("FIND:\n" + fence(OLD) + "\nREPLACE WITH:\n" + fence(NEW), "density"),
    "Old code/New code headings": ("### Old code\n\n" + fence(OLD) + "\n### New code\n\n" + fence(NEW), "density"),
    "Original/Modified labels": ("**Original:**\n" + fence(OLD) + "\n**Modified:**\n" + fence(NEW), "density"),
    "From/To": ("From:\n" + fence(OLD) + "\nTo:\n" + fence(NEW), "density"),
    "Change X to Y words": ("Change\n\n" + fence(OLD) + "\nto\n\n" + fence(NEW), "density"),
    "before/after comments in one fence": (fence("# Before:\n" + OLD + "\n# After:\n" + NEW), ""),
    "find/replace marks": (blocks(TWO, "<<<<<<< FIND", closing=">>>>>>> REPLACE"), "both"),
    "OLD/NEW marks": (blocks(TWO, "<<<<<<< OLD", closing=">>>>>>> NEW"), "both"),
    "BEFORE/AFTER": (blocks(TWO, "<<<<<<< BEFORE", closing=">>>>>>> AFTER"), "both"),
    "diff3": (
        blocks(ONE, "<<<<<<< HEAD", divider="||||||| base\n" + OLD + "\n=======", closing=">>>>>>> new"),
        "density",
    ),
    "trailing spaces on marks": (blocks(TWO, "<<<<<<< SEARCH   ", "=======  ", ">>>>>>> REPLACE \t"), "both"),
    "trailing spaces in search": (blocks(TWO, each=lambda s: s.replace("\n", "  \n") + "  "), "both"),
    "comment slashes marks": (blocks(ONE, "// <<<<<<< SEARCH", "// =======", "// >>>>>>> REPLACE"), "density"),
    "HTML comment marks": (
        blocks(ONE, "<!-- <<<<<<< SEARCH -->", "<!-- ======= -->", "<!-- >>>>>>> REPLACE -->"),
        "density",
    ),
    "bullet star edits": (blocks(TWO, around=lambda b: "* " + indented(b, "  ")[2:]), "both"),
    "numbered list edits": (
        "1. " + indented(bare([ORDER]), "   ")[3:] + "\n2. " + indented(bare(ONE), "   ")[3:],
        "both",
    ),
    "edit in details": ("<details><summary>Edit</summary>\n\n" + bare(TWO) + "\n</details>", "both"),
    "edit in pre": ("<pre>\n" + html.escape(bare(ONE)) + "</pre>", "density"),
    "edit in pre code": ('<pre><code class="language-python">' + html.escape(DENSE) + "</code></pre>", "density"),
    "idea line then blocks in one fence": ("IDEA: density\n" + fence(bare(TWO), ""), "both"),
    "LaTeX begin verbatim": ("\\begin{verbatim}\n" + DENSE + "\\end{verbatim}", "density"),
    "lstlisting": ("\\begin{lstlisting}[language=Python]\n" + DENSE + "\\end{lstlisting}", "density"),
    "org mode src": ("#+BEGIN_SRC python\n" + DENSE + "#+END_SRC\n", "density"),
    "rst code-block": ("New program:\n\n.. code-block:: python\n\n" + indented(DENSE, "   "), "density"),
    "asciidoc": ("[source,python]\n----\n" + DENSE + "----\n", "density"),
    "BBCode": ("[code=python]\n" + DENSE + "[/code]", "density"),
    "jira": ("{code:python}\n" + DENSE + "{code}", "density"),
    "REPL prompts": (
        fence("\n".join((">>> ", "... ")[line[:1] == " "] + line for line in DENSE.rstrip().split("\n"))),
        "density",
    ),
    "percent cell": (fence("# %%\n" + DENSE), "density"),
    "fence with output block after": (fence(DENSE) + "\nOutput:\n\n" + fence("[0, 2]", ""), "density"),
    "shell heredoc": (fence("cat > program.py <<'EOF'\n" + DENSE + "EOF", "bash"), "density"),
    "complexity analysis after": (fence(DENSE) + "\n**Complexity:** `O(n log n)`\n", "density"),
    "two fences same function helper & whole": (
        "The key function:\n" + fence(WORTH) + "\nFull program:\n" + fence(DENSE),
        "density",
    ),
    "test code in 2nd fence": (
        fence(DENSE) + "\nTo test:\n" + fence("assert choose([(1.0, 2.0)], 3.0) == [0]"),
        "density",
    ),
    "pip install fence first": (fence("pip install numpy", "bash") + "\n" + fence(DENSE), "density"),
    "one edit whole function in replace": (blocks([(VAN[VAN.index("def worth") :].rstrip(), WORTH)]), "density"),
    "edit SEARCH signature only w/ elided": (
        blocks([("def worth(weight, value):\n    ...", "def worth(weight, value):\n    return -value / weight")]),
        "",
    ),
    "search with elision": (
        blocks(
            [
                (
                    "def worth(weight, value):\n    ...\n    return 0.0",
                    "def worth(weight, value):\n    ...\n    return -value / weight",
                )
            ]
        ),
        "",
    ),
    "replace with TODO stub": (
        fence(
            DENSE.replace(
                "    for index in rank(parcels):\n        weight = parcels[index][0]\n"
                "        if weight <= free:\n            chosen.append(index)\n            free -= weight\n"
                "    return chosen",
                "    # TODO: same as before\n    pass",
            )
        ),
        "",
    ),
    "same as original comment": (
        fence(DENSE.replace("    order = list(range(len(parcels)))\n", "    # (same as original)\n")),
        "",
    ),
    "unchanged in brackets": (fence("[unchanged code above]\n\n" + WORTH), ""),
    "merged edits one SEARCH two places": (blocks([("    return", "    return ")]), ""),
    "empty replace": (blocks([('    note = "not used"\n', "")]), "nonote"),
    "nested backticks in docstring": (
        fence(DENSE.replace('"""Pick parcels for a van."""', '"""Pick parcels.\n\n```\nchoose(...)\n```\n"""')),
        "doc",
    ),
    "edit indented wrong by a level": (blocks([(OLD.replace("    ", ""), NEW.replace("    ", ""))]), "density"),
    "edit w/o closing at very end": (blocks(ONE).rsplit("\n>>>>>>>", 1)[0] + "\n", ""),
    "diff -/+ only": (fence('-    note = "not used"\n-    return 0.0\n+    return -value / weight', "diff"), "density"),
    "diff +/- python fence": (
        fence('-    note = "not used"\n-    return 0.0\n+    return -value / weight', "python"),
        "density",
    ),
    "answer boxed": ("\\boxed{" + fence(DENSE) + "}", "density"),
    "assistant role prefix": ("Assistant: Sure!\n" + fence(DENSE), "density"),
    "CRLF program LF edits": (blocks(TWO).replace("=======\n", "=======\r\n"), "both"),
    "smart ellipsis elision": (fence("…\n\n" + WORTH), ""),
    "seed think": ("<seed:think>hm\n" + fence(VAN) + "</seed:think>\n" + blocks(ONE), "density"),
    "scratchpad": ("<scratchpad>\n" + blocks([GONE]) + "</scratchpad>\n" + blocks(ONE), "density"),
    "analysis tag": ("<analysis>\n" + fence(VAN) + "</analysis>\n\n<answer>\n" + fence(DENSE) + "</answer>", "density"),
    "plan heading": ("## Plan\n1. a\n\n## Code\n" + fence(DENSE), "density"),
    "output tags": ("<output>\n" + blocks(TWO) + "</output>", "both"),
}
MEANT = {
    "density": DENSE,
    "both": made(TWO),
    "nonote": VAN.replace('    note = "not used"\n', ""),
    "doc": DENSE.replace('"""Pick parcels for a van."""', '"""Pick parcels.\n\n```\nchoose(...)\n```\n"""'),
}


def code(source: str | None) -> list[str] | None:
    """Return the lines of a program that do something."""
    if source is None:
        return None
    return [line.rstrip() for line in source.split("\n") if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_for_another_tool_is_taken_for_what_it_means(name: str) -> None:
    text, meaning = ANSWERS[name]
    found = read_answer(VAN, text, "edit", DEFINES)
    assert code(found.source) == code(MEANT[meaning] if meaning else None), found.error
