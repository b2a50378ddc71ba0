"""maskwise attend, end to end, against float64 from the formula."""
import itertools
import math
import random

import tool
from reference import Reference, random_tensor
from tool import Tensor

# For values of about 1 and rows of a few keys f32 keeps six digits.
PLACES = 5


def inputs(dtype="F32"):
    """Two items, four heads on two kv heads; the second item is padded."""
    return {"q": random_tensor([2, 4, 5, 6], 1, dtype=dtype),
            "k": random_tensor([2, 2, 5, 6], 2, dtype=dtype),
            "v": random_tensor([2, 2, 5, 3], 3, dtype=dtype),
            "token_ids": Tensor([2, 5], [7, 8, 9, 4, 2, 0, 0, 6, 5, 0], "I64")}


def causal_and_padding(tensors):
    return lambda b, h, q, k: k <= q and tensors["token_ids"].at(b, k) != 0


class Attend(tool.ToolTest):
    """Each test writes in.st, runs the tool and reads out.st."""

    def attend(self, tensors, mask, *flags, warned=False):
        self.write("in.st", tensors)
        result = self.tool("attend", "in.st", "--mask", mask, "-o", "out.st",
                           *flags)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr != b"", warned, result.stderr)
        return self.read("out.st")

    def expect_rows(self, found, reference):
        """o and lse, and weights where there are any."""
        batch, heads, q_len, _ = reference.q.shape
        for b, h, q in itertools.product(range(batch), range(heads),
                                         range(q_len)):
            o, lse, weights, _ = reference.row(b, h, q)
            for d, expected in enumerate(o):
                self.assertAlmostEqual(found["o"].at(b, h, q, d), expected,
                                       PLACES, (b, h, q, d))
            if math.isinf(lse):
                self.assertEqual(found["lse"].at(b, h, q), lse)
            else:
                self.assertAlmostEqual(found["lse"].at(b, h, q), lse, PLACES)
            for k in range(reference.k.shape[2] if "weights" in found else 0):
                self.assertAlmostEqual(found["weights"].at(b, h, q, k),
                                       weights.get(k, 0), PLACES)

    def test_grouped_heads_with_a_causal_padding_mask(self):
        tensors = inputs()
        found = self.attend(tensors, "causal & padding(token_ids)",
                            "--weights", warned=True)
        self.assertEqual(set(found), {"o", "lse", "weights"})
        self.assertEqual(found["o"].shape, [2, 4, 5, 3])
        self.assertEqual(found["lse"].shape, [2, 4, 5])
        self.assertEqual(found["weights"].shape, [2, 4, 5, 5])
        self.expect_rows(found, Reference(tensors,
                                          causal_and_padding(tensors)))
        # The first two queries of the second item see padding only.
        self.assertEqual(found["lse"].at(1, 2, 1), -math.inf)
        self.assertEqual([found["o"].at(1, 2, 1, d) for d in range(3)],
                         [0, 0, 0])

    def test_scale_softcap_bias_and_alibi(self):
        tensors = inputs()
        tensors["bias"] = random_tensor([4, 1, 5], 4)
        tensors["alibi_slopes"] = Tensor([4], [0.5, 0.25, 0.125, 0.0625])
        found = self.attend(tensors, "sliding_window(left=2, right=1)",
                            "--scale", "0.9", "--softcap", "1.5")
        self.expect_rows(found, Reference(
            tensors, lambda b, h, q, k: q - 2 <= k <= q + 1, 0.9, 1.5))

    def test_a_bias_of_minus_infinity_removes_its_pair(self):
        tensors = inputs()
        tensors["bias"] = Tensor([5, 5], [-math.inf if q == 3 or k == 1 else 0
                                          for q in range(5)
                                          for k in range(5)])
        found = self.attend(tensors, "all", "--weights", warned=True)
        self.expect_rows(found, Reference(tensors, lambda b, h, q, k: True))
        self.assertEqual(found["weights"].at(0, 0, 0, 1), 0)

    def test_rows_of_the_weights_and_scores(self):
        tensors = inputs()
        flags = ("--weights", "--scores", "biased")
        whole = self.attend(tensors, "causal", *flags)
        found = self.attend(tensors, "causal", *flags, "--rows", "1, 4")
        for name in ("weights", "scores"):
            self.assertEqual(found[name].shape, [2, 4, 2, 5])
            for b, h, (r, q), k in itertools.product(
                    range(2), range(4), ((0, 1), (1, 4)), range(5)):
                self.assertEqual(found[name].at(b, h, r, k),
                                 whole[name].at(b, h, q, k))
        self.assertEqual(found["o"].values, whole["o"].values)

    def test_each_stage_of_the_scores(self):
        tensors = inputs()
        tensors["bias"] = random_tensor([2, 1, 5, 5], 5)
        reference = Reference(tensors, lambda b, h, q, k: k <= q, None, 2.0)
        for stage, name in enumerate(["raw", "capped", "biased"]):
            found = self.attend(tensors, "causal", "--softcap", "2",
                                "--scores", name)
            self.assertEqual(set(found), {"o", "lse", "scores"})
            for b, h, q, k in itertools.product(range(2), range(4), range(5),
                                                range(5)):
                score = found["scores"].at(b, h, q, k)
                if k > q:
                    self.assertEqual(score, -math.inf)
                else:
                    self.assertAlmostEqual(
                        score, reference.score(b, h, q, k)[stage], PLACES)

    def test_half_precision_inputs_give_o_in_their_type(self):
        # Half a step of the last place of values below 4.
        for dtype, tolerance in (("F16", 2 ** -10), ("BF16", 2 ** -7)):
            tensors = inputs(dtype)
            found = self.attend(tensors, "causal")
            self.assertEqual(found["o"].dtype, dtype)
            self.assertEqual(found["lse"].dtype, "F32")
            rounded = {name: Tensor(tensor.shape,
                                    tool.unpack(dtype, tool.pack(tensor)))
                       for name, tensor in tensors.items()
                       if name != "token_ids"}
            reference = Reference(rounded, lambda b, h, q, k: k <= q)
            for b, h, q in itertools.product(range(2), range(4), range(5)):
                for d, expected in enumerate(reference.row(b, h, q)[0]):
                    self.assertAlmostEqual(found["o"].at(b, h, q, d), expected,
                                           delta=tolerance)

    def test_threads_backends_and_isas_write_the_same_bytes(self):
        self.write("in.st", {"q": random_tensor([2, 4, 40, 16], 1),
                             "k": random_tensor([2, 2, 40, 16], 2),
                             "v": random_tensor([2, 2, 40, 16], 3)})
        written = set()
        isas = [["--isa", one["name"]] for one in self.run_json("devices")["isas"]
                if one["available"]]
        for flags in ([], ["--threads", "1"], ["--threads", "3"],
                      ["--backend", "reference"], *isas):
            self.run_well("attend", "in.st", "--mask", "causal", "--weights",
                          "-o", "out.st", *flags)
            written.add((self.dir / "out.st").read_bytes())
        self.assertEqual(len(written), 1)

    def test_masked_contents_change_no_byte(self):
        tensors = inputs()
        mask = "causal & padding(token_ids)"
        self.attend(tensors, mask, warned=True)
        clean = (self.dir / "out.st").read_bytes()
        for poison in (math.nan, math.inf, -math.inf, 1e30, 1e-45):
            for name, width in (("k", 6), ("v", 3)):
                values = tensors[name].values
                for h, d in itertools.product(range(2), range(width)):
                    values[((2 + h) * 5 + 0) * width + d] = poison
            self.attend(tensors, mask, warned=True)
            self.assertEqual((self.dir / "out.st").read_bytes(), clean)

    def test_a_boolean_tensor_of_the_file_is_a_mask(self):
        tensors = inputs()
        source = random.Random(6)
        tensors["m"] = Tensor([4, 5, 5], [source.random() < 0.6
                                          for _ in range(100)], "BOOL")
        found = self.attend(tensors, "allow(m) | prefix(1)")
        self.expect_rows(found, Reference(
            tensors, lambda b, h, q, k: tensors["m"].at(h, q, k) or k == 0))

    def test_no_keys_give_zeros(self):
        tensors = {"q": random_tensor([1, 2, 3, 4], 1),
                   "k": Tensor([1, 2, 0, 4], []), "v": Tensor([1, 2, 0, 2], [])}
        found = self.attend(tensors, "all", warned=True)
        self.assertEqual(found["o"].values, [0] * 12)
        self.assertEqual(found["lse"].values, [-math.inf] * 6)

    def test_an_old_output_is_replaced(self):
        self.write("in.st", inputs())
        (self.dir / "out.st").write_bytes(b"old")
        text = self.run_well("attend", "in.st", "--mask", "causal", "-o",
                             "out.st")
        self.assertEqual(text, "out.st: o [2, 4, 5, 3] f32, lse [2, 4, 5]; "
                               "60 % of the pairs are visible\n")
        self.assertEqual(set(self.read("out.st")), {"o", "lse"})
        self.assertEqual(set(self.snapshot()), {"in.st", "out.st"})

    def test_warnings_go_to_standard_error(self):
        self.write("in.st", inputs())
        result = self.tool("attend", "in.st", "--mask", "none", "-o", "out.st")
        self.assertEqual(result.returncode, 0)
        self.assertIn(b"warning: ", result.stderr)
        self.assertNotIn(b"warning", result.stdout)


if __name__ == "__main__":
    tool.main()
