"""Answers written down from what is known of models' habits after the reader was done: a trial of it.

Each is a whole answer to the task of `answer_forms`, with what it means: "density" (the one change), "both" (two), or
"" for what nobody can read, or must not be run.
"""

from __future__ import annotations

import html
import json

import pytest
from answer_forms import (
    DEFINES,
    DENSE,
    DENSITY,
    GONE,
    HEADER,
    ORDER,
    VAN,
    blocks,
    fence,
    hunks,
    indented,
    made,
    numbered,
    tabs,
)

from evolve.mutate.answers.answer import read_answer

ONE, TWO = [DENSITY], [DENSITY, ORDER]
WORTH = DENSE[DENSE.index("def worth") :].rstrip()
RANK = made(TWO)[made(TWO).index("def rank") : made(TWO).index("def worth")].rstrip()
OLD, NEW = DENSITY

ANSWERS: dict[str, tuple[str, str]] = {
    # Qwen
    "Qwen: empty thoughts before the answer": ("<think>\n\n</think>\n\n" + blocks(ONE), "density"),
    "Qwen: heading and full code": (
        "### Improved Code\n\n" + fence(DENSE) + "\n### Explanation\n\n- by density\n",
        "density",
    ),
    "Qwen coder: file name above the block": (
        "program.py\n```python\n" + blocks(ONE).partition("\n\n")[2] + "```\n",
        "density",
    ),
    "Qwen: tool call in tags": (
        '<tool_call>\n{"name": "edit", "arguments": ' + json.dumps({"code": DENSE}) + "}\n</tool_call>",
        "density",
    ),
    "Qwen: XML function call": (
        f"<function=write_file>\n<parameter=content>\n{DENSE}</parameter>\n</function>\n",
        "density",
    ),
    "Qwen: Chinese words and full-width colon": ("思路：按密度排序。\n\n" + blocks(TWO), "both"),
    "Qwen: SEARCH with a colon": (blocks(ONE, "<<<<<<< SEARCH:", closing=">>>>>>> REPLACE:"), "density"),
    "Qwen small: one sign too few at the end": (blocks(ONE, closing=">>>>>> REPLACE"), "density"),
    "Qwen small: divider of eight": (blocks(TWO, divider="========"), "both"),
    "Qwen small: fence behind words": ("Sure! Here it is: " + fence(DENSE), "density"),
    "Qwen small: tabs in what is put in": (blocks(ONE).replace("    return -value", "\treturn -value"), "density"),
    # DeepSeek
    "DeepSeek R1: draft in thoughts": ("<think>\nFirst:\n" + fence(VAN) + "Hmm.\n</think>\n" + fence(DENSE), "density"),
    "DeepSeek: end of sentence": (fence(DENSE) + "<｜end▁of▁sentence｜>", "density"),
    "DeepSeek: answer tags": ("<think>x</think><answer>\n" + blocks(TWO) + "</answer>", "both"),
    "DeepSeek: steps with fenced edits": (
        "**Step 1:** order\n\n"
        + fence(blocks([ORDER]).partition("\n\n")[2], "")
        + "\n**Step 2:** worth\n\n"
        + fence(blocks(ONE).partition("\n\n")[2], ""),
        "both",
    ),
    "DeepSeek: the original code first": (
        "Original code:\n" + fence(VAN) + "\nOptimized code:\n" + fence(DENSE),
        "density",
    ),
    # Llama
    "Llama: one function": ("Here's the updated function:\n\n" + fence(WORTH), "density"),
    "Llama: two functions in two fences": ("Change two:\n\n" + fence(RANK) + "\nand\n\n" + fence(WORTH), "both"),
    "Llama: eot": (blocks(TWO) + "<|eot_id|>", "both"),
    "Llama: header tokens": ("<|start_header_id|>assistant<|end_header_id|>\n\n" + fence(DENSE), "density"),
    "Llama: three signs": (blocks(ONE, "<<< SEARCH", "===", ">>> REPLACE"), "density"),
    "Llama: capitals in Python tag": (fence(DENSE, "PYTHON"), "density"),
    "Llama: diff with pluses on new lines only": (
        "```diff\n"
        + "\n".join(
            [
                " def worth(weight, value):",
                "     if weight <= 0.0:",
                "         return math.inf",
                '-    note = "not used"',
                "-    return 0.0",
                "+    return -value / weight",
            ]
        )
        + "\n```",
        "density",
    ),
    # Gemma
    "Gemma: end of turn": (fence(DENSE) + "<end_of_turn>", "density"),
    "Gemma: tool_code": (fence(DENSE, "tool_code"), "density"),
    "Gemma: bulleted edit": (
        "*   **Density.**\n\n" + indented(fence(blocks(ONE).partition("\n\n")[2]), "    "),
        "density",
    ),
    "Gemma: python and bold idea": (
        "**Idea:** density.\n\n" + fence(DENSE) + "\n**Key changes:**\n\n* `worth`\n",
        "density",
    ),
    # gpt-oss and GPT
    "gpt-oss: final channel": (
        "<|start|>assistant<|channel|>analysis<|message|>We edit.<|end|><|start|>assistant<|channel|>final<|message|>"
        + blocks(ONE),
        "density",
    ),
    "gpt-oss: commentary first": (
        "<|channel|>commentary<|message|>Plan.<|end|><|channel|>final<|message|>" + fence(DENSE) + "<|return|>",
        "density",
    ),
    "GPT: apply_patch": (
        "*** Begin Patch\n*** Update File: program.py\n@@ def worth(weight, value):\n"
        "     if weight <= 0.0:\n         return math.inf\n"
        '-    note = "not used"\n-    return 0.0\n+    return -value / weight\n*** End Patch',
        "density",
    ),
    "GPT: apply_patch in a fence": (
        fence("*** Begin Patch\n*** Update File: p.py\n" + hunks(TWO, "@@") + "*** End Patch", "patch"),
        "both",
    ),
    "GPT: canvas JSON": (json.dumps({"name": "program.py", "type": "code/python", "content": DENSE}), "density"),
    "GPT: updates with pattern and replacement": (
        json.dumps({"edits": [{"old_str": s, "new_str": r} for s, r in TWO]}),
        "both",
    ),
    "GPT: a curly apostrophe in the comment": (
        fence(DENSE.replace("# First come", "# Don\u2019t: first come")),
        "density+",
    ),
    "GPT: non-breaking hyphen": (blocks([(OLD, NEW.replace("-", "\u2011"))]), "density"),
    # Kimi
    "Kimi: thoughts and edits": ("◁think▷Maybe\n" + blocks([GONE]) + "◁/think▷\n" + blocks(TWO), "both"),
    "Kimi: json with diff": (json.dumps({"diff": HEADER + hunks(TWO)}), "both"),
    # GLM
    "GLM: box": ("<think>x</think>\n<|begin_of_box|>" + fence(DENSE) + "<|end_of_box|>", "density"),
    "GLM: user token": (fence(DENSE) + "<|user|>", "density"),
    "GLM: html-escaped in tags": ("<code>\n" + html.escape(DENSE) + "</code>", "density"),
    "GLM: tilde fence": (fence(blocks(TWO).partition("\n\n")[2], "diff", "~~~"), "both"),
    # Mistral
    "Mistral: inst": ("[INST]" + fence(DENSE) + "[/INST]", "density"),
    "Mistral: THINK": ("[THINK]Let me see.\n" + fence(VAN) + "[/THINK]" + blocks(ONE), "density"),
    "Mistral: s token": ("<s>" + fence(DENSE) + "</s>", "density"),
    "Devstral: str_replace": (
        f"<tool>str_replace</tool>\n<old_str>{OLD}</old_str>\n<new_str>{NEW}</new_str>\n",
        "density",
    ),
    "Codestral: pipes for line numbers": (fence(numbered(DENSE, "{:4d}| {}")), "density"),
    "Codestral: lines with dots": (fence(numbered(DENSE, "{}. {}")), "density"),
    # Claude
    "Claude: antml style edits": (
        "<edit>\n"
        + "".join(f"<old_string>{s}</old_string>\n<new_string>{r}</new_string>\n" for s, r in TWO)
        + "</edit>",
        "both",
    ),
    "Claude: thinking then diff": ("<thinking>density</thinking>\n\n" + fence(HEADER + hunks(TWO), "diff"), "both"),
    "Claude: reflection after": (fence(DENSE) + "\n<reflection>It may tie.</reflection>\n", "density"),
    "Claude: edits between prose": (
        "First the order:\n\n"
        + blocks([ORDER]).partition("\n\n")[2]
        + "\nThen the worth:\n\n"
        + blocks(ONE).partition("\n\n")[2],
        "both",
    ),
    "Claude: replace the following with": (f"Replace this:\n\n{fence(OLD)}\nwith this:\n\n{fence(NEW)}", "density"),
    # Gemini
    "Gemini: fence in a list with asterisk": ("*   Sort by density:\n\n" + indented(fence(DENSE), "    "), "density"),
    "Gemini: python diff": (fence(hunks(ONE), "python diff"), "density"),
    "Gemini: JSON schema": (json.dumps({"thought": "density\nreally", "code": DENSE, "name": "x"}), "density"),
    "Gemini: JSON fence inside words": (
        "Here you go:\n\n" + fence(json.dumps({"program": DENSE}), "json") + "\nEnjoy.",
        "density",
    ),
    "Gemini: tabs in the program": (fence(tabs(DENSE)), "density~"),
    # Servers, pages and terminals
    "a page: copy button": ("python\nCopy code\n" + fence(DENSE), "density"),
    "a mail: quoted": ("> " + blocks(TWO).replace("\n", "\n> "), "both"),
    "a terminal: colours in code": (fence(DENSE.replace("def ", "\x1b[34mdef\x1b[0m ")), "density"),
    "llama.cpp: end of text": (fence(DENSE) + " [end of text]", "density"),
    "a Windows file": ("\ufeff" + blocks(TWO).replace("\n", "\r\n"), "both"),
    "old Mac line ends": (fence(DENSE).replace("\n", "\r"), "density"),
    "separators as line ends in words": ("Density.\u2028Really.\n\n" + blocks(ONE), "density"),
    "Ollama: thinking": ("Thinking...\nLet me see\n...done thinking.\n\n" + blocks(ONE), "density"),
    "trailing backticks on the last line": ("```python\n" + DENSE.rstrip() + "```", "density"),
    "four backticks closed by three": ("````python\n" + DENSE + "```\n", "density"),
    "no line end after the fence's word": ("``` python\n" + DENSE + "```", "density"),
    "aligned table before": ("| a | b |\n|---|---|\n| 1 | 2 |\n\n" + blocks(TWO), "both"),
    "a later edit of what the first has made": (
        blocks([DENSITY, (NEW, "    return -value / max(weight, 1)")]),
        "later",
    ),
    "a horizontal rule between edits": (blocks([ORDER]) + "\n-------\n\n" + blocks(ONE), "both"),
    # What nobody can read, or must not be run
    "words alone": ("Sort the parcels by density, heaviest last.", ""),
    "a refusal": ("I'm sorry, I can't help with that.", ""),
    "pseudo-code": (fence("FOR each parcel:\n  IF fits THEN load", ""), ""),
    "another language": (fence("function worth(w, v) { return -v / w; }", "javascript"), ""),
    "half of two edits": (blocks(TWO)[:-30], ""),
    "an edit and one that is not there": (blocks([DENSITY, GONE]), ""),
    "a function cut off": ("```python\n" + WORTH[:-12], ""),
    "the rest left out": (fence("# ... previous functions ...\n\n" + WORTH), ""),
    "existing code marked": (fence("# existing code\n\n" + WORTH + "\n\n# rest of the code unchanged"), ""),
    "two programs to choose from": ("Option A:\n" + fence(DENSE) + "Option B:\n" + fence(made([ORDER])), ""),
    "a diff with left out lines": (
        fence("@@\n def worth(weight, value):\n ...\n-    return 0.0\n+    return -value / weight", "diff"),
        "",
    ),
    "the same as before": (fence(VAN), ""),
    "JSON cut off": (json.dumps({"code": DENSE})[:-40], ""),
    "thoughts alone": ("<think>\n" + fence(DENSE), ""),
    "two edits of one place": (blocks([DENSITY, (OLD, "    return value")]), ""),
    "a helper that is nowhere": ("```python\n" + DENSE.replace("return order\n", "return polish(order)\n"), ""),
}

MEANT = {
    "density": DENSE,
    "both": made(TWO),
    "later": made([(OLD, "    return -value / max(weight, 1)")]),
    "density+": DENSE.replace("# First come", "# Don\u2019t: first come"),
    "density~": tabs(DENSE),
}
READABLE = [name for name, (_, meaning) in ANSWERS.items() if meaning]


def source_of(name: str) -> str | None:
    return read_answer(VAN, ANSWERS[name][0], "edit", DEFINES).source


def code(source: str | None) -> list[str] | None:
    """Return the lines of a program, blank ones aside."""
    return None if source is None else [line for line in source.split("\n") if line.strip()]


def test_there_are_answers_enough_for_a_share_to_tell() -> None:
    assert len(ANSWERS) >= 80
    assert len(READABLE) >= 60


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_taken_for_what_it_means(name: str) -> None:
    meaning = ANSWERS[name][1]
    assert code(source_of(name)) == code(MEANT[meaning] if meaning else None)
