"""Finds the functions of a C++ file by matching brackets, without a compiler.

It knows scopes, initialisers, constructor initialiser lists, operators, and
macros that look like functions (TEST). What it cannot tell it leaves out.
"""
import collections
import re

from source_tree import tokens_of

# line: of the first token of the declaration; first, last: the lines of the
# body's braces, or None for a declaration; parameters: a list of token lists.
Function = collections.namedtuple("Function",
                                  "name line first last parameters")

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_SCOPES = {"namespace", "class", "struct", "union", "enum"}
_NO_NAME = {"alignas", "decltype", "noexcept", "requires", "__attribute__",
            "static_assert", "explicit", "if", "while", "for", "switch",
            "using", "typedef", "asm", "void", "bool", "int", "float",
            "double", "auto", "int32_t", "int64_t", "size_t"}


def _close(tokens, start):
    """The index of the bracket that closes the one at `start`."""
    depth = 0
    for index in range(start, len(tokens)):
        if tokens[index].text in _CLOSING:
            depth += 1
        elif tokens[index].text in (")", "]", "}"):
            depth -= 1
            if depth == 0:
                return index
    return len(tokens) - 1


def _skip_template(head):
    """`head` without its leading template<...> lists."""
    while head and head[0].text == "template":
        depth = 0
        for index, token in enumerate(head):
            depth += (token.text == "<") - (token.text == ">")
            if index > 1 and depth == 0:
                break
        head = head[index + 1:]
    return head


def _template_name(tokens):
    """`name` when `tokens` end in name<...>."""
    depth = 0
    for index in range(len(tokens) - 1, 0, -1):
        depth += (tokens[index].text == ">") - (tokens[index].text == "<")
        if depth == 0:
            return tokens[index - 1].text
    return ""


def _split(tokens):
    """Parameters between commas that stand in no bracket of any kind."""
    parts, depth = [[]], 0
    for token in tokens:
        depth += (token.text in "([{<") - (token.text in ")]}>")
        if token.text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token.text)
    return [part for part in parts if part and part != ["void"]]


def _signature(head):
    """(name, parameters, tokens behind them) of a function's head, or None."""
    head = _skip_template(head)
    index = 0
    while index < len(head):
        text = head[index].text
        before = head[index - 1].text if index else ""
        if text == "operator":
            while index + 1 < len(head) and head[index + 1].text != "(":
                index += 1
            if [t.text for t in head[index + 1:index + 4]] == ["(", ")", "("]:
                index += 2
            before, index = "operator", index + 1
            text = head[index].text if index < len(head) else ""
        if text == "=":
            return None
        if before == ">" and text == "(":
            before = _template_name(head[:index])
        if text == "[":
            index = _close(head, index)
        elif text == "(":
            end = _close(head, index)
            if re.match(r"[A-Za-z_]", before) and before not in _NO_NAME:
                return (before, _split(head[index + 1:end]), head[end + 1:])
            index = end
        index += 1
    return None


def _opens_member(head):
    """Whether a brace behind `head` initialises a member, as in `: a_{1}`."""
    signature = _signature(head)
    if signature is None:
        return False
    behind = [token.text for token in signature[2]]
    return ":" in behind and behind[-1] not in (")", "}")


def functions_of(text):
    """Every function defined or declared at namespace or class scope."""
    tokens, found, head, index = tokens_of(text), [], [], 0

    def take(first, last):
        signature = _signature(head)
        if signature:
            found.append(Function(signature[0], head[0].line, first, last,
                                  signature[1]))

    while index < len(tokens):
        text, line = tokens[index]
        if text in ("(", "[") or (text == "{" and _opens_member(head)):
            end = _close(tokens, index)
            head += tokens[index:end + 1]
            index = end
        elif text == "{":
            words = {token.text for token in _skip_template(head)}
            function = _signature(head)
            if "=" in words and not function:
                index = _close(tokens, index)  # an initialiser
            elif function:
                end = _close(tokens, index)
                take(line, tokens[end].line)
                head, index = [], end
            elif words & _SCOPES or "extern" in words:
                head = []  # walk into it
            else:
                index = _close(tokens, index)
        elif text == ";":
            take(None, None)
            head = []
        elif text == "}":
            head = []
        elif text == ":" and len(head) == 1 and head[0].text in (
                "public", "private", "protected"):
            head = []
        else:
            head.append(tokens[index])
        index += 1
    return found
