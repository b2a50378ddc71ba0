"""maskwise verify: nothing that is masked changes a bit."""
import math
import os
import pty

import tool
from reference import random_tensor
from tool import Tensor


def inputs():
    return {"q": random_tensor([2, 4, 6, 4], 1),
            "k": random_tensor([2, 2, 6, 4], 2),
            "v": random_tensor([2, 2, 6, 4], 3),
            "token_ids": Tensor([2, 6], [1, 2, 3, 4, 0, 0, 5, 6, 0, 0, 0, 0],
                                "I64")}


class Verify(tool.ToolTest):
    """That a leak is found is shown in tests/inspect/verify_test.cc."""

    def test_causal_padding(self):
        self.write("in.st", inputs())
        report = self.run_json("verify", "in.st", "--mask",
                               "causal & padding(token_ids)")
        # Item 0 sees 1 + 2 + 3 + 4 + 4 + 4 keys, item 1 five times 2 and 1.
        masked = 4 * (36 - 18) + 4 * (36 - 11)
        self.assertEqual(list(report.items()), [
            ("rows", 48), ("poisoned", masked), ("deleted", masked),
            ("bits_changed", 0)])

    def test_every_option_of_a_call(self):
        tensors = inputs()
        tensors["bias"] = Tensor([6], [0, 1, -1, 0.5, 2, -math.inf])
        tensors["alibi_slopes"] = random_tensor([4], 4)
        tensors["kv_positions"] = Tensor([6], [3, 1, 4, 1, 5, 9], "I32")
        self.write("in.st", tensors)
        for backend in ("cpu", "reference"):
            report = self.run_json(
                "verify", "in.st", "--mask", "causal", "--scale", "0.3",
                "--softcap", "2", "--threads", "2", "--backend", backend)
            # One pair more than causal masks: the last row's last key.
            self.assertEqual(report["poisoned"], 8 * 16)
            self.assertEqual(report["bits_changed"], 0)

    def test_text(self):
        self.write("in.st", inputs())
        text = self.run_well("verify", "in.st", "--mask", "causal")
        self.assertEqual(text.splitlines(), [
            "verified  48 rows of [2, 4, 6, 6] (B, H, Lq, Lk)",
            "poisoned  120 masked pairs, with six kinds: NaN, signalling NaN, "
            "+Inf, -Inf, 1e30, a denormal",
            "deleted   120 masked pairs from memory",
            "changed   0 bits of o, lse, m, l, weights and scores: masked "
            "means absent"])

    def test_a_terminal_is_shown_the_share_done(self):
        self.write("in.st", inputs())
        for flags in ([], ["--grad"]):
            self.expect_share_done(flags)

    def expect_share_done(self, flags):
        above, below = pty.openpty()
        result = self.tool("verify", "in.st", "--mask", "causal", *flags,
                           stderr=below)
        os.close(below)
        shown = tool.written_to(above).split("\r")
        self.assertEqual(result.returncode, 0)
        self.assertIn("verified   0 %", shown)
        self.assertIn("verified 100 %", shown)
        # The last line is blank, and the cursor at its start.
        self.assertEqual(shown[-1], "")
        self.assertEqual(shown[-2].strip(), "")
        self.assertGreaterEqual(len(shown[-2]), len("verified 100 %"))

    def test_gradients_in_numbers(self):
        tensors = inputs()
        for with_loss in (False, True):
            if with_loss:
                tensors["do"] = random_tensor([2, 4, 6, 4], 5, dtype="BF16")
                tensors["d_lse"] = random_tensor([2, 4, 6], 6)
            self.write("in.st", tensors)
            report = self.run_json("verify", "in.st", "--grad", "--mask",
                                   "causal & padding(token_ids)")
            masked = 4 * (36 - 18) + 4 * (36 - 11)
            self.assertEqual(list(report.items()), [
                ("rows", 48), ("poisoned", masked), ("deleted", masked),
                ("bits_changed", 0)])

    def test_gradients_under_every_option_of_a_call(self):
        tensors = inputs()
        tensors["bias"] = Tensor([6], [0, 1, -1, 0.5, 2, -math.inf])
        tensors["alibi_slopes"] = random_tensor([4], 4)
        tensors["kv_positions"] = Tensor([6], [3, 1, 4, 1, 5, 9], "I32")
        self.write("in.st", tensors)
        for backend in ("cpu", "reference"):
            report = self.run_json(
                "verify", "in.st", "--grad", "--mask", "causal", "--scale",
                "0.3", "--softcap", "2", "--threads", "2", "--backend", backend)
            self.assertEqual(report["poisoned"], 8 * 16)
            self.assertEqual(report["bits_changed"], 0)

    def test_text_of_gradients(self):
        tensors = inputs()
        self.write("in.st", tensors)
        arguments = ["verify", "in.st", "--mask", "causal", "--grad"]
        treatment = [
            "poisoned  120 masked pairs, with six kinds: NaN, signalling NaN, "
            "+Inf, -Inf, 1e30, a denormal",
            "deleted   120 masked pairs from memory"]
        first = ("verified  the gradients of 48 rows and 24 keys of "
                 "[2, 4, 6, 6] (B, H, Lq, Lk)")
        self.assertEqual(self.run_well(*arguments).splitlines(), [
            first, "loss      a fixed pseudo-random do, as the file holds none",
            *treatment,
            "changed   0 bits of dq, dk and dv: masked means absent"])
        tensors["do"] = random_tensor([2, 4, 6, 4], 5)
        tensors["d_lse"] = random_tensor([2, 4, 6], 6)
        tensors["bias"] = random_tensor([6, 6], 7)
        self.write("in.st", tensors)
        self.assertEqual(self.run_well(*arguments).splitlines(), [
            first, "loss      do of the file; d_lse of the file", *treatment,
            "changed   0 bits of dq, dk, dv and dbias: masked means absent"])

    def test_gradients_that_do_not_fit(self):
        tensors = inputs()
        tensors["do"] = random_tensor([2, 6, 4, 4], 5)
        self.write("in.st", tensors)
        arguments = ["verify", "in.st", "--mask", "causal"]
        self.run_well(*arguments)
        self.refuse([*arguments, "--grad"],
                    "expected do [B, H, Lq, Dv] = [2, 4, 6, 4], got "
                    "[2, 6, 4, 4]; the head and length axes look swapped (the "
                    "input is 'in.st')")

    def test_a_mask_that_masks_nothing_proves_nothing(self):
        self.write("in.st", inputs())
        text = self.run_well("verify", "in.st", "--mask", "all")
        self.assertIn("nothing is masked, so nothing was put to the test",
                      text)


if __name__ == "__main__":
    tool.main()
