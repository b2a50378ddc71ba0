"""maskwise verify-model: no bit of a trained model changes."""
import json

from models import ModelTest, WORDS
import tool

CHANGES = ["alone", "reversed", "padding_right", "padding_left",
           "padding_between", "padding_poisoned", "threads"]


class VerifyModel(ModelTest):
    """The proof on letters and on firsts."""

    def report(self, *arguments):
        return json.loads(self.run_well("verify-model", *arguments, "--json"))

    def test_a_transformer(self):
        report = self.report("letters", "letters.tsv")
        self.assertEqual(report["bits_changed"], 0)
        self.assertEqual(report["texts"], len(WORDS))
        letters = sum(len(word) for word in WORDS)
        self.assertEqual(report["symbols"], 2 * letters + len(WORDS))
        self.assertEqual([one["change"] for one in report["changes"]], CHANGES)
        for one in report["changes"]:
            for kind in ("losses", "symbol_gradients", "parameter_gradients",
                         "answers"):
                if one[kind] is not None:
                    self.assertEqual(one[kind]["bits_changed"], 0)
                    self.assertGreater(one[kind]["compared"], 0)

    def test_a_classifier(self):
        report = self.report("firsts", "firsts.tsv", "--threads", "1")
        self.assertEqual(report["bits_changed"], 0)
        self.assertEqual([one["change"] for one in report["changes"]],
                         [one for one in CHANGES if one != "padding_poisoned"])

    def test_as_text(self):
        text = self.run_well("verify-model", "letters", "letters.tsv",
                             "--beam", "2")
        self.assertRegex(text, r"\nNaN in the vectors of padding +0 +0 +0 +-\n")
        whole = self.report("letters", "letters.tsv", "--beam", "2")
        right = next(one for one in whole["changes"]
                     if one["change"] == "padding_right")
        counts = [f"{right[kind]['compared']:,}" for kind in
                  ("losses", "symbol_gradients", "parameter_gradients",
                   "answers")]
        self.assertIn(["of", "so", "many", "numbers", "(bytes)", *counts],
                      [line.split() for line in text.splitlines()])
        self.assertTrue(text.endswith(
            "\n0 bits changed: masked means absent\n"))

    def test_so_many_texts(self):
        report = self.report("letters", "letters.tsv", "--texts", "2")
        self.assertEqual(report["texts"], 2)

    def test_bad_input(self):
        (self.dir / "labels.tsv").write_text("abc\tlabel of x\n")
        (self.dir / "bad.tsv").write_text("abc\n")
        for arguments, fragment in (
                (["firsts", "labels.tsv"], "the label 'label of x' is none"),
                (["letters", "bad.tsv"], "line 1: there is no tab"),
                (["letters", "nowhere.tsv"], "nowhere.tsv"),
                (["nowhere", "letters.tsv"], "nowhere"),
                (["letters", "letters.tsv", "--texts", "0"], "--texts")):
            with self.subTest(arguments=arguments):
                self.refuse(["verify-model", *arguments], fragment)


if __name__ == "__main__":
    tool.main()
