"""maskwise explain: pictures, reasons and walks, from each source."""
import os
import pty
import tool
from tool import Tensor

MASK = "causal & padding(token_ids)"


class Explain(tool.ToolTest):
    """What a person sees, and the same as JSON."""

    def text(self, content):
        path = self.dir / "sentences.txt"
        path.write_bytes(content.encode() if isinstance(content, str)
                         else content)
        return str(path)

    def test_sentences_are_split_numbered_and_padded(self):
        path = self.text("\n the  cat\tsat\r\n\n   \nit the\n")
        self.assertEqual(self.run_well("explain", "--mask", MASK, "--text",
                                       path), """\
causal & padding(token_ids, pad=0) on [2, 1, 3, 3] (B, H, Lq, Lk)

batch 0, head 0: 6 of 9 pairs allowed (66.7 %)

          t c s
          h a a
          e t t
          0 1 2
  the  0  ■ · ·
  cat  1  ■ ■ ·
  sat  2  ■ ■ ■

batch 1, head 0: 5 of 9 pairs allowed (55.6 %)

                <
                p
              t a
            i h d
            t e >
            0 1 2
     it  0  ■ · ·
    the  1  ■ ■ ·
  <pad>  2  ■ ■ ·

■ allowed  · masked  (rows: queries, columns: keys)
""")

    def test_a_pair_has_a_reason_and_a_tree(self):
        path = self.text("the cat sat\nit the\n")
        pair = ["--batch", "1", "--q", "2", "--k", "2"]
        self.assertEqual(self.run_well("explain", "--mask", MASK, "--text",
                                       path, *pair), """\
query 2 "<pad>" -> key 2 "<pad>" (batch 1, head 0): masked
masked: padding(token_ids, pad=0): token 2 of sentence 1 is <pad>

false  causal & padding(token_ids, pad=0)  a clause masks the pair
true   ├─ causal                           key 2 is at the place of query 2
false  └─ padding(token_ids, pad=0)        token 2 of sentence 1 is <pad>
""")
        report = self.run_json("explain", "--mask", MASK, "--text", path,
                               *pair)
        self.assertEqual(list(report), [
            "mask", "shape", "visible_share", "visible_pairs", "pair",
            "allowed", "reason", "tree", "shapes", "warnings"])
        self.assertEqual(report["pair"],
                         {"batch": 1, "head": 0, "q": 2, "k": 2})
        self.assertIs(report["allowed"], False)
        self.assertEqual(report["reason"], "masked: padding(token_ids, pad=0)"
                         ": token 2 of sentence 1 is <pad>")
        tree = report["tree"]
        self.assertEqual((tree["text"], tree["allowed"], tree["reason"]),
                         ("causal & padding(token_ids, pad=0)", False,
                          "a clause masks the pair"))
        self.assertEqual([(part["text"], part["allowed"], part["children"])
                          for part in tree["children"]],
                         [("causal", True, []),
                          ("padding(token_ids, pad=0)", False, [])])

    def test_json_of_a_mask(self):
        report = self.run_json("explain", "--mask", "causal", "--shape",
                               "2,3,4,4")
        self.assertEqual(list(report), [
            "mask", "shape", "visible_share", "visible_pairs", "pair",
            "allowed", "reason", "tree", "shapes", "warnings"])
        for name in ("pair", "allowed", "reason", "tree"):
            self.assertIsNone(report[name])
        self.assertEqual(report["visible_pairs"], 60)
        self.assertEqual(report["visible_share"], 10 / 16)
        self.assertEqual(report["shapes"][3], {
            "name": "logits", "shape": "(B,H,L,L)", "sizes": [2, 3, 4, 4],
            "text": "query q times key k: column k is still token k"})

    def test_shapes_show_a_row_in_numbers(self):
        path = self.text("the cat sat\nit the\n")
        arguments = ["explain", "--mask", MASK, "--text", path, "--heads",
                     "2", "--shapes", "--d-model", "8"]
        text = self.run_well(*arguments)
        self.assertIn("  heads            (B,H,L,depth)  [2, 2, 3, 4]", text)
        self.assertIn("One row of logits: batch 1, head 0, query 1 \"the\"\n",
                      text)
        report = self.run_json(*arguments)
        row = report["row"]
        self.assertEqual((row["batch"], row["q"], row["keys"]),
                         (1, 1, ["it", "the", "<pad>"]))
        self.assertEqual(row["masked"][:2], row["before"][:2])
        self.assertEqual(row["masked"][2], "-inf")
        self.assertEqual(row["weights"][2], 0)
        self.assertAlmostEqual(sum(row["weights"]), 1, 6)
        self.assertEqual(report["padded_row"]["q"], 2)

        self.assertIs(report["made_up"], True)
        self.assertIn("The embedding is made up for illustration", text)

    def test_shapes_of_q_and_k_are_theirs(self):
        self.write("in.st", {
            "q": Tensor([1, 2, 2, 1], [1, 2, 3, 4]),
            "k": Tensor([1, 1, 2, 1], [5, 7])})
        arguments = ["explain", "in.st", "--mask", "causal", "--shapes",
                     "--head", "1", "--q", "1"]
        report = self.run_json(*arguments)
        self.assertIs(report["made_up"], False)
        self.assertEqual(report["row"]["before"], [20, 28])
        self.assertEqual([step["name"] for step in report["shapes"]],
                         ["query heads", "key heads", "logits",
                          "look-ahead mask", "this mask", "weights"])
        self.assertIn("The numbers are those of q and k, without bias.",
                      self.run_well(*arguments))

    def test_ids_of_a_file_are_labels_and_the_mask_says_the_pad(self):
        self.write("in.st", {"token_ids": Tensor([1, 3], [7, 0, 9], "I32")})
        text = self.run_well("explain", "in.st", "--mask",
                             "padding(token_ids, pad=9)", "--heads", "2")
        self.assertIn("on [1, 2, 3, 3] (B, H, Lq, Lk)\n", text)
        self.assertIn("\n      7  0  ■ ■ ·\n      0  1  ■ ■ ·\n  <pad>  2  ■",
                      text)

    def test_q_and_k_of_a_file_say_the_shape(self):
        zeros = {"q": Tensor([1, 2, 1, 4], [0] * 8),
                 "k": Tensor([1, 1, 3, 4], [0] * 12)}
        self.write("in.st", zeros)
        report = self.run_json("explain", "in.st", "--mask",
                               "causal(align=bottom_right)")
        self.assertEqual(report["shape"], [1, 2, 1, 3])
        self.refuse(["explain", "in.st", "--mask", "all", "--heads", "3"],
                    "--heads is 3, but q in 'in.st' has 2")
        self.write("in.st", zeros | {"token_ids": Tensor([1, 2], [1, 2],
                                                         "I64")})
        self.refuse(["explain", "in.st", "--mask", "all"],
                    "expected token_ids [B, Lk] = [1, 3] beside k")

    def test_svg_is_written_and_said(self):
        text = self.run_well("explain", "--mask", "causal", "--shape",
                             "1,1,4,4", "--svg", "mask.svg")
        self.assertTrue(text.endswith("\nthe drawing is in mask.svg\n"), text)
        svg = (self.dir / "mask.svg").read_text()
        self.assertTrue(svg.startswith("<svg "))
        self.assertTrue(svg.endswith("</svg>\n"))
        report = self.run_json("explain", "--mask", "causal", "--shape",
                               "1,1,4,4", "--svg", "mask.svg")
        self.assertEqual(report["svg"], "mask.svg")

    def test_warnings_go_to_standard_error(self):
        result = self.tool("explain", "--mask", "none", "--shape", "1,1,2,2")
        self.assertEqual(result.returncode, 0)
        self.assertIn("warning: the mask forbids everything",
                      result.stderr.decode())

    def test_an_item_or_a_head_is_drawn_alone(self):
        text = self.run_well("explain", "--mask", "per_head(causal, all)",
                             "--shape", "2,2,2,2", "--head", "1")
        self.assertIn("batch 0-1, head 1: 4 of 4 pairs", text)
        self.assertNotIn("head 0", text)

    def test_ascii_on_request(self):
        text = self.run_well("explain", "--mask", "causal", "--shape",
                             "1,1,3,3", "--ascii")
        self.assertTrue(text.isascii())

    def in_terminal(self, **locale):
        """What the tool writes to a terminal with this environment."""
        above, below = pty.openpty()
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("LC_ALL", "LC_CTYPE", "LANG")}
        self.tool("explain", "--mask", "causal", "--shape", "1,1,2,2",
                  stdout=below, env=environment | locale)
        os.close(below)
        return tool.written_to(above)

    def test_a_terminal_gets_what_its_locale_can_show(self):
        self.assertIn("■", self.in_terminal(LANG="de_DE.UTF-8"))
        self.assertIn("■", self.in_terminal(LC_ALL="", LC_CTYPE="C.utf8"))
        self.assertIn("#", self.in_terminal(LANG="C.UTF-8", LC_ALL="C"))
        self.assertIn("#", self.in_terminal())

    def test_a_million_tokens(self):
        text = self.run_well("explain", "--mask", "causal", "--shape",
                             "1,1,1048576,1048576")
        self.assertIn("each cell is 32,768 queries × 32,768 keys", text)

    def test_bad_sources_are_refused(self):
        path = self.text("a b\n")
        for arguments, fragment in (
                ([], "exactly one of IN, --text FILE and --shape"),
                (["--text", path, "--shape", "1,1,2,2"], "got more"),
                (["--shape", "1,1,2,2", "--heads", "2"], "--shape says H"),
                (["--text", "none.txt"], "cannot open"),
                (["--text", path, "--heads", "0"], "--heads")):
            self.refuse(["explain", "--mask", "all", *arguments], fragment)
        self.write("in.st", {"x": Tensor([1], [0])})
        self.refuse(["explain", "in.st", "--mask", "all"],
                    "'in.st' holds neither token_ids [B, L] nor q and k")
        for dtype in ("F32", "BOOL"):
            self.write("in.st", {"token_ids": Tensor([1, 2], [1, 0], dtype)})
            self.refuse(["explain", "in.st", "--mask", "all"],
                        "expected token_ids of type i32 or i64 in 'in.st', "
                        f"got {dtype.lower()}")

    def test_bad_texts_are_refused(self):
        for content, fragment in (
                (b"", "no token"), (b" \n\t\n", "no token"),
                (b"a\nb\0c\n", "line 2 holds a NUL byte"),
                (b"a\n\xff\n", "line 2 is not UTF-8; it holds the byte 0xff"),
                (b"\xc0\x80", "not UTF-8"), (b"\xed\xa0\x80", "not UTF-8"),
                (b"\xf4\x90\x80\x80", "not UTF-8"), (b"a \xe2\x82", "UTF-8"),
                (b"a " * 5000 + b"\nb" * 5000, "expected at most 4194304")):
            self.refuse(["explain", "--mask", "all", "--text",
                         self.text(content)], fragment)

    def test_a_byte_order_mark_is_no_token(self):
        text = self.run_well("explain", "--mask", "all & causal", "--text",
                             self.text(b"\xef\xbb\xbfa b"))
        self.assertIn("\n  a  0  ■ ·\n", text)

    def test_an_ideographic_blank_parts_tokens(self):
        text = self.run_well("explain", "--mask", "causal", "--text",
                             self.text("我\u3000们 好\u3000".encode()))
        self.assertIn("\n  我  0  ■ · ·\n  们  1  ■ ■ ·\n  好  2  ■ ■ ■\n",
                      text)

    def test_bad_pairs_are_refused(self):
        shape = ["explain", "--mask", "causal", "--shape", "2,3,4,4"]
        for pair, fragment in (
                (["--q", "1"], "--q needs --k"),
                (["--k", "1"], "--k needs --q"),
                (["--q", "4", "--k", "1"], "--q is 4; expected 0 <= q < 4"),
                (["--q", "0", "--k", "4"], "--k is 4; expected 0 <= k < 4"),
                (["--q", "0", "--k", "0", "--batch", "2"], "--batch is 2"),
                (["--head", "3"], "--head is 3; expected 0 <= head < 3"),
                (["--q", "-1", "--k", "0"], "--q"),
                (["--shapes", "--d-model", "16"], "multiple of the 3 heads"),
                (["--d-model", "6"], "--d-model needs --shapes or --json")):
            self.refuse([*shape, *pair], fragment)

    def test_absurd_masks_are_refused_before_their_rows_are_walked(self):
        self.refuse(["explain", "--mask", "dilated(2)", "--shape",
                     "1,1,1000000,1000000"], "expected at most 1 GiB")


if __name__ == "__main__":
    tool.main()
