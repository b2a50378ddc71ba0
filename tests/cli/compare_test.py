"""maskwise compare: our mask beside the usual mistakes."""
import json
import math

import tool
from tool import Tensor

VARIANTS = ["masked_absent", "add_minus_1e9", "add_minus_1e4",
            "multiply_logits", "multiply_weights",
            "multiply_weights_renormalised", "inverted_polarity"]
KEYS = ["variant", "row_sum_min", "row_sum_max", "masked_weight_max",
        "output_diff_max", "influence_max", "masked_gradient_max",
        "fully_masked_row", "text"]


def row_of_logits(logits):
    keys = len(logits)
    return {"q": Tensor([1, 1, 1, 1], [1]),
            "k": Tensor([1, 1, keys, 1], logits),
            "v": Tensor([1, 1, keys, 1], range(1, keys + 1))}


class Compare(tool.ToolTest):
    """The numbers themselves are checked in tests/inspect."""

    def test_demo_in_numbers(self):
        reports = self.run_json("compare", "--demo")
        self.assertEqual([report["variant"] for report in reports], VARIANTS)
        for report in reports:
            self.assertEqual(list(report), KEYS)
        ours, add, _, logits, weights, again, inverted = reports
        self.assertAlmostEqual(ours["row_sum_min"], 1, 6)
        self.assertEqual((ours["masked_weight_max"], ours["output_diff_max"],
                          ours["influence_max"],
                          ours["masked_gradient_max"]), (0, 0, 0, 0))
        self.assertEqual(ours["fully_masked_row"], "0, lse -inf")
        self.assertEqual(add["fully_masked_row"],
                         "uniform weights 1/4: the mean of all values")
        self.assertAlmostEqual(weights["row_sum_max"], 0.01, 6)
        self.assertAlmostEqual(weights["output_diff_max"], 1.98, 5)
        # The masked key holds 0.99; its gradient of the weight is 0, and the
        # mean of all is (1 + 2 + 3) / 300; q times the scale is ln 297.
        self.assertAlmostEqual(weights["masked_gradient_max"],
                               0.99 * 0.02 * math.log(297), 5)
        self.assertEqual(add["masked_gradient_max"], 0)
        self.assertAlmostEqual(logits["masked_weight_max"], 0.25, 6)
        self.assertAlmostEqual(again["row_sum_max"], 1, 6)
        self.assertEqual(again["fully_masked_row"], "NaN")
        self.assertAlmostEqual(inverted["masked_weight_max"], 1, 6)

    def test_demo_in_words(self):
        text = self.run_well("compare", "--demo")
        for words in ("99 %", "the row sums to 0.01", "-inf",
                      "what they are", "1 is right", "a row that sees no key"):
            self.assertIn(words, text)
        table = [line for line in text.splitlines()
                 if line.startswith("multiply_weights ")]
        self.assertEqual(table[0].split(),
                         ["multiply_weights", "0.01", "0", "1.98", "0.01993",
                          "0.1127"])

    def test_table_is_aligned(self):
        self.write("in.st", row_of_logits([0, 2, 3]))
        lines = self.run_well("compare", "in.st", "--mask",
                              "prefix(2)").splitlines()
        self.assertEqual(len({len(line) for line in lines[:8]}), 1, lines[:8])

    def test_numbers_that_json_lacks_are_strings(self):
        self.write("in.st", row_of_logits([0, 200]))
        reports = self.run_json("compare", "in.st", "--mask", "prefix(1)")
        self.assertEqual(reports[5]["row_sum_min"], "nan")
        self.assertEqual(reports[5]["influence_max"], "nan")
        self.assertEqual(reports[4]["row_sum_max"], 0)

    def test_a_nan_has_no_sign(self):
        self.write("in.st", row_of_logits([0, math.inf]))
        text = self.run_well("compare", "in.st", "--mask", "prefix(1)")
        self.assertIn(" nan ", text)
        self.assertNotIn("-nan", text)

    def test_without_a_row_that_sees_a_key_there_are_no_numbers(self):
        tensors = row_of_logits([0, 2, 3])
        self.write("in.st", tensors)
        self.write("bias.st", {**tensors, "bias": Tensor([1], [-math.inf])})
        for name, mask in (("in.st", "none"), ("bias.st", "all")):
            arguments = ["compare", name, "--mask", mask]
            result = self.tool(*arguments, "--json")
            for report in json.loads(result.stdout):
                self.assertEqual(list(report), KEYS)
                self.assertEqual([report[key] for key in KEYS[1:7]],
                                 [None] * 6)
            text = self.tool(*arguments).stdout.decode()
            for line in text.splitlines()[1:1 + len(VARIANTS)]:
                self.assertEqual(line.split()[1:],
                                 ["no", "such", "row", "-", "-", "-", "-"])

    def test_call_flags_are_honoured(self):
        self.write("in.st", row_of_logits([0, 200]))
        reports = self.run_json("compare", "in.st", "--mask", "prefix(1)",
                                "--scale", "0.001", "--threads", "2")
        self.assertAlmostEqual(reports[4]["row_sum_max"], 0.450166, 5)

    def test_demo_stands_alone(self):
        self.write("in.st", row_of_logits([0]))
        for flags, found in ((["in.st"], "IN"), (["--mask", "all"], "--mask"),
                             (["--scale", "1"], "--scale")):
            self.refuse(["compare", "--demo"] + flags,
                        "--demo brings its own input and mask; expected no "
                        f"{found} with it")

    def test_without_demo_a_file_and_a_mask_are_needed(self):
        self.refuse(["compare"], "IN is missing; expected IN and --mask")
        self.refuse(["compare", "in.st"], "--mask is missing; expected IN")


if __name__ == "__main__":
    tool.main()
