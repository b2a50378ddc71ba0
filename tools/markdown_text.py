"""Splits Markdown into its code fences and the prose between them."""
import collections
import re

# line: of the opening ```; info: what stands behind it; body: the lines inside.
Fence = collections.namedtuple("Fence", "line info body")

_FENCE = re.compile(r"^[ ]{0,3}```[ ]*(?P<info>[^\n`]*)\n(?P<body>.*?)"
                    r"^[ ]{0,3}```[ ]*$", re.MULTILINE | re.DOTALL)


def fences(text):
    return [Fence(text.count("\n", 0, match.start()) + 1,
                  match["info"].strip(), match["body"])
            for match in _FENCE.finditer(text)]


def prose(text):
    """`text` with its fences blanked, lines kept."""
    return _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)


def anchors(text):
    """What #fragments of links may name: the headings, as web views do."""
    found = set()
    for title in re.findall(r"^#+ +(.*?)#* *$", prose(text), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", title.lower())
        found.add(plain.strip().replace(" ", "-"))
    return found
