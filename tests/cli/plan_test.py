"""maskwise plan: what a mask compiles to."""
import re

import tool
from tool import Tensor


class Plan(tool.ToolTest):
    """Numbers that can be counted by hand."""

    def test_causal(self):
        report = self.run_json("plan", "--mask", "causal", "--shape",
                               "2,3,4,4")
        self.assertEqual(list(report), [
            "shape", "visible_share", "visible_pairs", "walked_share",
            "walked_pairs", "rows_without_keys", "slices", "row_blocks",
            "folds", "full_runs", "partial_runs", "key_lists", "bitmap_words",
            "plan_bytes", "compile_ms", "warnings"])
        self.assertEqual(report["shape"], [2, 3, 4, 4])
        self.assertEqual(report["visible_pairs"], 2 * 3 * 10)
        self.assertEqual(report["visible_share"], 10 / 16)
        self.assertEqual(report["walked_pairs"], 2 * 3 * 16)
        self.assertEqual(report["rows_without_keys"], 0)
        self.assertEqual(report["slices"], 1)
        self.assertEqual(report["row_blocks"], 1)
        self.assertEqual(report["warnings"], [])
        self.assertGreaterEqual(report["compile_ms"], 0)
        self.assertTrue(0 < report["plan_bytes"] < 10000)

    def test_a_mask_that_names_tensors_of_a_file(self):
        self.write("in.st", {"ids": Tensor([2, 4], [1, 2, 0, 0, 0, 0, 0, 0],
                                           "I32")})
        report = self.run_json("plan", "in.st", "--mask", "padding(ids)",
                               "--shape", "2,1,3,4")
        self.assertEqual(report["visible_pairs"], 3 * 2)
        self.assertEqual(report["rows_without_keys"], 3)
        self.assertEqual(report["slices"], 2)
        kinds = {warning["kind"]: warning["count"]
                 for warning in report["warnings"]}
        self.assertEqual(kinds["rows_without_keys"], 3)
        self.assertEqual(kinds["all_padding"], 1)

    def test_runs_without_a_bitmap_are_full(self):
        report = self.run_json("plan", "--mask", "prefix(100)", "--shape",
                               "1,1,64,200")
        self.assertEqual((report["full_runs"], report["partial_runs"],
                          report["bitmap_words"]), (1, 0, 0))

    def test_no_pairs_have_no_share(self):
        report = self.run_json("plan", "--mask", "all", "--shape", "1,1,0,4")
        self.assertEqual(report["visible_share"], 0)
        self.assertEqual(report["row_blocks"], 0)

    def test_text(self):
        text = self.run_well("plan", "--mask", "causal", "--shape",
                             "1,8,4096,4096")
        self.assertIn("shape       [1, 8, 4096, 4096] (B, H, Lq, Lk)\n", text)
        self.assertIn("visible     50.01 % of the pairs (67,125,248)\n", text)
        self.assertIn("masks       1 different, over 8 (batch, head)\n", text)
        self.assertIn("(best of 5)\n", text)

    def test_a_shape_may_hold_blanks(self):
        report = self.run_json("plan", "--mask", "all", "--shape",
                               " 1, 2,3 , 4 ")
        self.assertEqual(report["shape"], [1, 2, 3, 4])

    def test_a_long_compilation_is_not_repeated(self):
        text = self.run_well("plan", "--mask", "dilated(2)", "--shape",
                             "1,1,16000,16000")
        best, tries = re.search(r"compiled in (\S+) ms \(best of (\d)\)",
                                text).groups()
        self.assertLessEqual(float(best) * (int(tries) - 1), 1000)

    def test_a_plan_above_the_cap_is_refused_with_its_estimate(self):
        self.refuse(["plan", "--mask", "dilated(2)", "--shape",
                     "1,1,1000000,1000000"], "GiB; expected at most 1 GiB")
        self.refuse(["plan", "--mask", "causal", "--shape", "1,1,64,64",
                     "--memory-cap", "9"], "expected at most 9 bytes")


if __name__ == "__main__":
    tool.main()
