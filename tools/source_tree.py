"""What the checks share: the tree they look at, its files, and their report.

A check is run as tools/check_NAME [ROOT]; ROOT is this tree if not given. It
prints one line `file:line: what` for each finding and exits 1 if there is any.
"""
import collections
import os
import pathlib
import re
import sys

CXX_SUFFIXES = (".h", ".cc", ".inc")
CXX_FOLDERS = ("include", "src", "cli", "bench", "examples", "tests")
NOT_SOURCE = {".git", ".cache", "build", "__pycache__"}

# Comments, string and character literals; a quote after a digit separates
# digits, so it opens nothing.
_LITERALS = re.compile(
    r'//(?:\\\n|[^\n])*|/\*.*?\*/'
    r'|R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)

Token = collections.namedtuple("Token", "text line")
_TOKEN = re.compile(r'[A-Za-z_]\w*|\d[\w.\']*|""|::|->|[=!<>]=|&&|\|\||\S')


class Tree:
    """The files under a root, and what was found wrong with them."""

    def __init__(self):
        own = pathlib.Path(__file__).resolve().parent.parent
        self.root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else own
        self.findings = []

    def files(self, folders=("",), suffixes=None):
        """Paths relative to the root, sorted, without build outputs."""
        found = []
        for folder in folders:
            for where, below, names in os.walk(self.root / folder):
                below[:] = [name for name in below if name not in NOT_SOURCE]
                at = pathlib.Path(where).relative_to(self.root)
                found += [at / name for name in names
                          if suffixes is None or name.endswith(suffixes)]
        return sorted(found)

    def cxx_files(self, folders=CXX_FOLDERS):
        return self.files(folders, CXX_SUFFIXES)

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def report(self, path, line, what):
        self.findings.append((str(path), line, what))

    def finish(self):
        for path, line, what in sorted(set(self.findings)):
            print(f"{path}:{line}: {what}")
        sys.exit(1 if self.findings else 0)


def blank_comments(text):
    """`text` with comments and the insides of literals blanked, lines kept."""

    def blank(match):
        found = match.group(0)
        lines = "\n" * found.count("\n")
        return lines if found.startswith(("//", "/*")) else '""' + lines

    return _LITERALS.sub(blank, text)


def includes(text):
    """(line, name, quoted) of every #include."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', line)
        if match:
            found.append((number, match.group(1) or match.group(2),
                          match.group(1) is not None))
    return found


def tokens_of(text):
    """Tokens of `text` without comments, literals and directives."""
    text = re.sub(r"^[ \t]*#(?:\\\n|[^\n])*",
                  lambda match: "\n" * match.group(0).count("\n"),
                  blank_comments(text), flags=re.M)
    found, line, at = [], 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        found.append(Token(match.group(0), line))
    return found
