"""examples/character_model learns lines by heart and goes on with them."""
import tool


class CharacterModel(tool.ToolTest):
    def test_it_learns_and_documents_padding_and_cache_change_no_bit(self):
        said = self.run_well()
        self.assertIn("mask: causal & documents(t0)\n", said)
        self.assertIn("  thirteen| on the way up and twelve coming down\n",
                      said)
        self.assertTrue(said.endswith(
            "7 of 7 lines as they were written\n"
            "packed, padded, and one by one from a cache: the same bits\n"))


tool.main()
