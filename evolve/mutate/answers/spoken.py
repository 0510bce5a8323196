"""What a model said: its answer without its thoughts, the tokens that end it, and a terminal's colours."""

from __future__ import annotations

import re

from evolve.mutate.answers.characters import without_escapes
from evolve.mutate.answers.edit import AnswerError

UNCLOSED = "its thoughts are not closed: the answer itself is missing (a larger max_tokens may help)"

_NAMES = (
    "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|monologue|inner_monologue|cot"
    "|chain_of_thought|antthinking|deliberation|seed:think|mm:think|ponder|reason"
)
_TAG = re.compile(
    rf"(?!<<)(?:(?:<|&lt;)(?P<close>/)?(?:{_NAMES})(?:[ \t][^<>\n]{{0,80}})?(?:>|&gt;)"
    r"|\[(?P<close2>/)?THINK\]"
    r"|◁(?P<close3>/)?think▷"
    r"|<\|(?:(?:begin_of_|START_)(?:thought|THINKING)|(?P<close4>(?:end_of_|END_)(?:thought|THINKING)))\|>"
    r"|<\|channel>thought|(?P<close5><channel\|>)"
    r"|<details type=\"reasoning\"[^<>\n]{0,80}>(?=.)|(?P<close6></details>))",
    re.IGNORECASE | re.DOTALL,
)
"""What opens or closes thoughts: DeepSeek, Qwen, GLM, Magistral, Kimi, OpenThinker, Command, Gemma, web pages."""
_HARMONY = re.compile(r"<\|channel\|>\s*(\w+)[^<>\n]{0,80}(?:<\|constrain\|>\s*\w+)?<\|message\|>")
_CALL = re.compile(r"<\|channel\|>\s*commentary to=[^\n]{0,120}?<\|message\|>")
"""A tool's call, which is the answer where the tool edits."""
_OLLAMA = re.compile(r"\A\s*Thinking\.\.\.[ \t]*\n")
_OLLAMA_END = re.compile(r"^\.\.\.done thinking\.", re.MULTILINE)
_GRANITE = re.compile(r"\A\s*Here is my thought process:")
_GRANITE_END = re.compile(r"^\**Here is my response:", re.MULTILINE)
_STRIPPED_HARMONY = re.compile(r"\A(?:assistant)?analysis(?=[A-Z])")

_TURN = re.compile(
    r"(?:<[|｜](?:im_end|eot_id|end_of_turn|end|return|endoftext|end_of_text|eom_id|end▁of▁sentence|endofassistant"
    r"|END_OF_TURN_TOKEN|END_RESPONSE|end_of_solution|call|user|eot|turn_end|im_start)[|｜]>"
    r"|<end_of_turn>|<eos>|</s>|\[EOS\]|\[end of text\]|\[/INST\]|<\|im_end)[ \t]*(?=$|<|\[)",
    re.MULTILINE,
)
"""What ends a model's turn, where it ends a line."""
_OPENING = re.compile(
    r"^[ \t]*(?:<[|｜](?:im_start|start|start_header_id|begin_of_text|begin▁of▁sentence|Assistant|assistant"
    r"|end_header_id|START_RESPONSE|START_OF_TURN_TOKEN|CHATBOT_TOKEN|begin_of_solution|begin_of_box|message|channel)[|｜]>"
    r"|<s>|<bos>|<start_of_turn>(?:model)?|<\|im_start\|>assistant|\[INST\])[ \t]*(?:assistant\b[ \t]*)?",
    re.MULTILINE,
)
_BOX = re.compile(r"<\|(?:begin|end)_of_box\|>")


def spoken(text: str) -> str:
    """Return an answer's text: LF line ends, no thoughts, no end tokens.

    Thoughts that are opened and closed go, wherever they stand; what stands before a closing mark without an opening
    one goes, since servers often swallow the first; what follows an opening mark without a closing one goes.
    Raises AnswerError when nothing is left but thoughts that are not closed.
    """
    text = without_escapes(text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _final_channel(text)
    text, is_open = _without_marked(text)
    turns = _turns(text)
    if is_open and not turns.strip():
        raise AnswerError(UNCLOSED)
    return turns


def _final_channel(text: str) -> str:
    """Return the last final channel of gpt-oss, and what other servers print around thoughts cut off."""
    channels = list(_HARMONY.finditer(text))
    if channels:
        final = [mark for mark in channels if mark[1] == "final"]
        if not final and (call := [*_CALL.finditer(text)]):
            return text[call[-1].end() :]
        if not final:
            raise AnswerError(UNCLOSED)
        text = text[final[-1].end() :]
    for opening, closing in ((_OLLAMA, _OLLAMA_END), (_GRANITE, _GRANITE_END)):
        if opening.match(text):
            ends = list(closing.finditer(text))
            if not ends:
                raise AnswerError(UNCLOSED)
            text = text[ends[-1].end() :]
    if _STRIPPED_HARMONY.match(text):
        _, found, rest = text.rpartition("assistantfinal")
        if not found:
            raise AnswerError(UNCLOSED)
        text = rest
    return text


def _without_marked(text: str) -> tuple[str, bool]:
    """Return a text without what is marked as thoughts, and whether the last of them is left open."""
    kept: list[str] = []
    done = 0
    is_open = False
    for mark in _TAG.finditer(text):
        closes = any(mark[f"close{n}"] is not None for n in ("", "2", "3", "4", "5", "6"))
        if not closes:
            if not is_open:
                kept.append(text[done : mark.start()])
                is_open = True
        elif is_open or mark["close6"] is None:
            if not is_open:
                kept.clear()  # all before it was thought too
            is_open = False
            done = mark.end()
    if not is_open:
        kept.append(text[done:])
    return "\n".join(kept) if len(kept) > 1 else kept[0], is_open


def _turns(text: str) -> str:
    """Return the model's own turn: up to the first token that ends it, without those that open it."""
    if "<" not in text and "[" not in text:
        return text
    text = _OPENING.sub("", _BOX.sub("\n", text))
    for mark in _TURN.finditer(text):
        if not text[: mark.start()].isspace() and mark.start():
            return text[: mark.start()]
    return text
