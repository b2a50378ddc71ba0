"""maskwise evaluate, against errors counted here in what predict answers."""
import json
import pathlib
import shutil
import subprocess
import tempfile

import tool

WORDS = ["abc", "cab", "b", "aabb", "ccc", "acbca"]


def edits(left, right):
    """Symbols to insert, delete and replace, at least (Levenshtein)."""
    row = list(range(len(right) + 1))
    for i, one in enumerate(left, 1):
        above, row = row, [i]
        for j, other in enumerate(right, 1):
            row.append(min(above[j] + 1, row[-1] + 1,
                           above[j - 1] + (one != other)))
    return row[-1]


class Evaluate(tool.ToolTest):
    """Each test has letters, a model that has learnt too little to be always
    right, and firsts, one that classifies by the first letter."""

    @classmethod
    def setUpClass(cls):
        made = tempfile.TemporaryDirectory()
        cls.addClassCleanup(made.cleanup)
        cls.models = pathlib.Path(made.name)
        for name, task, target in (
                ("letters", "seq2seq", lambda word: " ".join(word.upper())),
                ("firsts", "classify", lambda word: "of " + word[0])):
            (cls.models / "pairs.tsv").write_text("".join(
                f"{word}\t{target(word)}\n" for word in WORDS))
            subprocess.run([tool.TOOL, "train", "pairs.tsv", "--dev",
                            "pairs.tsv", "-o", name, "--task", task, "--updates",
                            "40", "--rate", "0.01"], cwd=made.name, check=True,
                           stdout=subprocess.DEVNULL)

    def setUp(self):
        super().setUp()
        for name in ("letters", "firsts"):
            shutil.copytree(self.models / name, self.dir / name)

    def pairs(self, lines):
        (self.dir / "test.tsv").write_text("".join(
            f"{source}\t{target}\n" for source, target in lines))

    def noted(self, model, note, *flags):
        """Standard output of an evaluation that adds this to the other."""
        result = self.tool("evaluate", model, "test.tsv", *flags)
        self.assertEqual((result.returncode, result.stderr.decode()), (0, note))
        return result.stdout.decode()

    def test_errors_of_words_and_of_symbols(self):
        # Some that were learnt, some that were not, and a target of symbols
        # that the model has never seen.
        lines = [(word, " ".join(word.upper())) for word in
                 WORDS + ["a", "bca", "aaaa", "bcbcb", "ca"]] + [("b", "X Y")]
        self.pairs(lines)
        for beam in ([], ["--beam", "1"], ["--beam", "2"]):
            answers = self.run_well("predict", "letters", "--input", "test.tsv",
                                    *beam).splitlines()
            note = ("note: the model does not know symbols of 1 of the targets "
                    "(\"X\", \"Y\"); they were counted as wrong\n")
            wrong = sum(answer != target for answer, (_, target)
                        in zip(answers, lines))
            edited = sum(edits(answer.split(), target.split())
                         for answer, (_, target) in zip(answers, lines))
            symbols = sum(len(target.split()) for _, target in lines)
            self.assertGreater(wrong, 0)
            found = json.loads(self.noted("letters", note, "--json", *beam))
            self.assertEqual(list(found), ["n", "wer", "per"])
            self.assertEqual(found["n"], len(lines))
            self.assertAlmostEqual(found["wer"], 100 * wrong / len(lines))
            self.assertAlmostEqual(found["per"], 100 * edited / symbols)
            self.assertEqual(
                self.noted("letters", note, *beam),
                f"{len(lines)} texts: {found['wer']:.2f} % have an error "
                f"(WER), {found['per']:.2f} % of the symbols (PER)\n")

    def test_labels(self):
        # Five are right, one is not, and one is no label of the model.
        labels = ["of a", "of c", "of b", "of a", "of c", "of b", "of z"]
        self.pairs(zip(WORDS + ["a"], labels))
        note = ("note: the model does not know the labels of 1 of the texts "
                "(\"of z\"); they were counted as wrong\n")
        found = json.loads(self.noted("firsts", note, "--json"))
        self.assertEqual(list(found), ["n", "accuracy"])
        self.assertEqual(found["n"], 7)
        self.assertAlmostEqual(found["accuracy"], 100 * 5 / 7)
        self.assertEqual(self.noted("firsts", note),
                         "7 texts: 71.43 % of the labels are right\n")

    def test_threads_change_nothing(self):
        self.pairs((word, "A") for word in WORDS)
        self.assertEqual(len({self.run_well(
            "evaluate", "letters", "test.tsv", "--json", *flags)
            for flags in ([], ["--threads", "1"], ["--threads", "2"])}), 1)

    def test_symbols_never_seen_are_read_as_unknown(self):
        for model, target in (("letters", "A"), ("firsts", "of a")):
            for sources, shown in (
                    (["xay", "abc", "x"], '2 of the texts ("x", "y")'),
                    (["x\u00e9y", "b"], '1 of the texts ("x", "\u00e9", "y")'),
                    (["xxy", "z", "w", "a"],
                     '3 of the texts ("x", "y", "z", ...)')):
                self.pairs((source, target) for source in sources)
                found = json.loads(self.noted(
                    model, f"note: the model does not know symbols of {shown}; "
                    "it read them as unknown\n", "--json"))
                self.assertEqual(found["n"], len(sources))

    def test_unknown_labels_and_symbols_are_told_apart(self):
        self.pairs([("x", "1"), ("a", "2"), ("b", "of b"), ("c", "3"),
                    ("c", "4")])
        text = self.noted(
            "firsts", "note: the model does not know symbols of 1 of the texts "
            '("x"); it read them as unknown\n'
            "note: the model does not know the labels of 4 of the texts "
            '("1", "2", "3", ...); they were counted as wrong\n')
        self.assertEqual(text.count("\n"), 1)

    def test_files_that_are_no_pairs(self):
        for content, fragment in (
                (b"", "'test.tsv' is empty; expected lines"),
                (b"a\tA\n\n", "'test.tsv', line 2: the line is empty"),
                (b"a\tA\nb\n", "'test.tsv', line 2: there is no tab"),
                (b"a\tA\nb\t\n", "'test.tsv', line 2: the target is empty"),
                (b"a\tA\n \tB\n", "'test.tsv', line 2: the source is empty"),
                (b"a\tA\n" + b"b" * 257 + b"\tB\n",
                 "[evaluate] 'test.tsv', line 2: 'bbbbbbbb")):
            (self.dir / "test.tsv").write_bytes(content)
            for name in ("letters", "firsts"):
                self.refuse(["evaluate", name, "test.tsv"], fragment)
        self.refuse(["evaluate", "letters", "no.tsv"], "cannot open 'no.tsv'")

    def test_bad_arguments(self):
        self.pairs([("a", "A")])
        for arguments, fragment in (
                ([], "MODEL_DIR and TEST.tsv are missing"),
                (["letters"], "TEST.tsv is missing"),
                (["no", "test.tsv"], "cannot open 'no/model.json': No such"),
                (["test.tsv", "letters"], "Not a directory"),
                (["letters", "test.tsv", "--beam", "0"], "got '0'"),
                (["letters", "test.tsv", "--threads", "0"], "got '0'"),
                (["letters", "test.tsv", "--json=1"], "takes no value"),
                (["letters", "test.tsv", "x"], "unexpected argument 'x'")):
            self.refuse(["evaluate", *arguments], fragment)

    def test_a_full_standard_output(self):
        self.pairs([("a", "A")])
        with open("/dev/full", "wb") as full:
            self.refuse(["evaluate", "letters", "test.tsv", "--json"],
                        "cannot write to standard output", stdout=full)


if __name__ == "__main__":
    tool.main()
