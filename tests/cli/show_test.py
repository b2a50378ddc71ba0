"""maskwise show: masks and weights of a trained model."""
import json

from models import ModelTest, trained
import tool


class Show(ModelTest):
    """What is shown of letters and of firsts."""

    def shown(self, *arguments):
        return json.loads(self.run_well("show", *arguments, "--json"))

    def test_three_masks_beside_each_other(self):
        text = self.run_well("show", "letters", "cab", "b")
        lines = text.splitlines()
        titles = [line for line in lines if line.split() == [
            "encoder", "self-attention", "decoder", "self-attention",
            "cross-attention"]]
        self.assertEqual(len(titles), 2)
        self.assertIn("  padding(source, pad=0)     causal & padding(target, "
                      "pad=0)     padding(source, pad=0)", lines)
        # Of "b" and its padding: columns are masked, rows are not.
        self.assertTrue(any(line.startswith("      b  0  ■ · ·")
                            for line in lines))
        self.assertTrue(any(line.startswith("  <pad>  1  ■ · ·")
                            for line in lines))

    def test_long_texts_stay_within_a_line(self):
        text = self.run_well("show", "letters", "abc" * 7, "ab")
        # Three grids of 21 symbols do not fit beside each other.
        self.assertLessEqual(max(map(len, text.splitlines())), 120)
        self.assertRegex(text, r"(?m)^  encoder self-attention +decoder "
                               r"self-attention$")
        self.assertRegex(text, r"(?m)^  cross-attention$")
        self.assertNotIn("each cell is", text)

    def test_longer_texts_are_scaled_and_say_so(self):
        for flags, times in (([], "\u00d7"), (["--ascii"], "x")):
            text = self.run_well("show", "firsts", "abc" * 17, "ab", *flags)
            self.assertLessEqual(max(map(len, text.splitlines())), 120)
            self.assertEqual(text.count(
                f"each cell is 2 queries {times} 2 keys (rows: queries, "
                "columns: keys)"), 2)
            self.assertEqual(text.count(" all allowed "), 2)
            self.assertNotIn("pairs allowed", text)

    def test_tokens_that_ascii_cannot_show_are_told(self):
        trained(self.dir, "accents", ["\u00e9a\tx", "a\u00e9\ty"])
        text = self.run_well("show", "accents", "a\u00e9", "--ascii")
        self.assertIn("  tokens: 1 = \\u00e9", text)

    def test_the_weights_of_an_answer(self):
        found = self.shown("letters", "cab", "b")
        self.assertEqual(found["masks"]["decoder"],
                         "causal & padding(target, pad=0)")
        self.assertEqual([one["answer"] for one in found["texts"]],
                         ["C A B", "B"])
        cross = found["texts"][1]["sites"]["cross"]
        self.assertEqual(cross["keys"], ["b", "<pad>", "<pad>"])
        self.assertEqual(cross["queries"], ["<begin>", "B", "<pad>", "<pad>"])
        self.assertEqual(cross["weights"], [[1, 0, 0]] * 4)
        for one in found["texts"]:
            for site in one["sites"].values():
                for row in site["weights"]:
                    self.assertEqual(len(row), len(site["keys"]))
                    self.assertAlmostEqual(sum(row), 1, places=5)

    def test_a_head_and_a_layer(self):
        heads = [self.shown("letters", "cab", "--head", str(head))
                 for head in range(4)]
        mean = self.shown("letters", "cab")
        self.assertEqual(mean["head"], "mean")
        self.assertEqual(mean["layer"], 1)

        def weight(found, site):
            return found["texts"][0]["sites"][site]["weights"][0][0]
        for site in ("encoder", "cross"):
            self.assertAlmostEqual(
                weight(mean, site),
                sum(weight(one, site) for one in heads) / 4, places=5)
        self.assertNotEqual(
            weight(self.shown("letters", "cab", "--layer", "0"), "encoder"),
            weight(mean, "encoder"))

    def test_padding_becomes_minus_infinity(self):
        text = self.run_well("show", "letters", "cab", "b")
        self.assertIn("One row of logits: batch 1, head 0, query 0 \"b\"", text)
        self.assertRegex(text, r"masked +-?\d+\.\d\d +-inf +-inf\n")

    def test_a_classifier_has_one_mask(self):
        found = self.shown("firsts", "cab", "b")
        self.assertEqual(set(found["masks"]), {"encoder"})
        self.assertEqual(found["texts"][0]["answer"], "label of c")
        text = self.run_well("show", "firsts", "cab", "b")
        self.assertIn("What self-attention of layer 1 attends to", text)

    def test_ascii(self):
        text = self.run_well("show", "letters", "cab", "b", "--ascii")
        self.assertTrue(text.isascii())

    def test_bad_input(self):
        for arguments, fragment in (
                (["letters", "cab", "--head", "4"],
                 "[show] --head is 4; expected 0 <= head < 4"),
                (["letters", "cab", "--layer", "2"],
                 "[show] --layer is 2; expected 0 <= layer <= 1"),
                (["letters", "xyz"], "[seq2seq] 'xyz' holds 'x'"),
                (["letters", ""], "'' has 0 symbols"),
                (["letters"], "[show] TEXT is missing"),
                (["nowhere", "a"], "nowhere")):
            with self.subTest(arguments=arguments):
                self.refuse(["show", *arguments], fragment)


if __name__ == "__main__":
    tool.main()
