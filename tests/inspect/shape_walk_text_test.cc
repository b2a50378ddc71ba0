#include <gtest/gtest.h>

#include <sstream>

#include "maskwise/inspect.h"
#include "maskwise/mask.h"

namespace maskwise {
namespace {

using Tokens = std::vector<std::vector<std::string>>;

Tensor ids() { return Tensor::from<int64_t>({2, 4}, {1, 2, 3, 4, 1, 5, 0, 0}); }

std::string walked(const Mask& mask, const ShapeWalkOptions& options = {},
                   Charset charset = Charset::unicode) {
  const std::string text =
      to_string(walk_shapes(mask.bind({2, 2, 4, 4}), ids(), options), charset);
  return "\n" + text;
}

// What begins with `start`, to the end of the text.
std::string from(const std::string& text, const std::string& start) {
  const size_t at = text.find(start);
  return at == std::string::npos ? "no '" + start + "' in:\n" + text
                                 : "\n" + text.substr(at);
}

TEST(ShapeWalkText, TheWholeWalk) {
  const Tokens tokens = {{"the", "cat", "sat", "here"},
                         {"the", "end", "<pad>", "<pad>"}};
  EXPECT_EQ(walked(causal() & padding({"token_ids", ids()}),
                   {.labels = {tokens, tokens}}),
            R"(
From token ids to attention weights

  token ids        (B,L)          [2, 4]         row b is sentence b, column k is its token k
  embedding        (B,L,d_model)  [2, 4, 32]     each id becomes a vector of d_model numbers, here made up
  heads            (B,H,L,depth)  [2, 2, 4, 16]  each vector is cut into H pieces, one for a head
  logits           (B,H,L,L)      [2, 2, 4, 4]   query q times key k: column k is still token k
  padding mask     (B,1,1,L)      [2, 1, 1, 4]   hides columns: the same keys from every head and query
  look-ahead mask  (L,L)          [4, 4]         hides what comes later, the same in every sentence and head
  this mask        (B,1,L,L)      [2, 1, 4, 4]   causal & padding(token_ids, pad=0)
  weights          (B,H,L,L)      [2, 2, 4, 4]   softmax over the visible keys of each row; a masked key weighs 0
  output           (B,L,d_model)  [2, 4, 32]     weights times values, the heads side by side again

How the masks meet the logits: axes align at the right; one that is 1 or missing repeats

                   B  H  Lq  Lk
  logits           2  2   4   4
  padding mask     2  1   1   4
  look-ahead mask         4   4
  this mask        2  1   4   4

One row of logits: batch 1, head 0, query 1 "end"
The embedding is made up for illustration, and so are these numbers.

            the    end  <pad>  <pad>
  key         0      1      2      3
  logit    0.16   1.48  -0.01  -0.01
  masked   0.16   1.48   -inf   -inf
  weight  0.210  0.790      0      0

A padding mask hides columns (keys), not the padded query's own row:
query 2 "<pad>" still attends to what it may see, though as a key it is masked.
Leave its output out of the loss.

            the    end  <pad>  <pad>
  key         0      1      2      3
  logit    0.05  -0.01   1.36   1.36
  masked   0.05  -0.01   -inf   -inf
  weight  0.514  0.486      0      0
)");
}

TEST(ShapeWalkText, NumbersOfQAndKAreSaidToBeTheirs) {
  const Tensor q(DType::f32, {2, 2, 4, 8});
  const std::string text = walked(all(), {.q_heads = q, .k_heads = q});
  EXPECT_NE(text.find("\nThe numbers are those of q and k, without bias.\n"),
            std::string::npos);
  EXPECT_EQ(text.find("made up"), std::string::npos);
}

TEST(ShapeWalkText, APaddedQueryThatSeesNothingIsSaidTo) {
  EXPECT_EQ(from(walked(padding(ids()) & q_lengths({4, 2})), "query 2"), R"(
query 2 sees nothing, because this mask hides its row as well; its output is 0.

  key        0      1     2     3
  logit   0.05  -0.01  1.36  1.36
  masked  -inf   -inf  -inf  -inf
  weight     0      0     0     0
)");
}

TEST(ShapeWalkText, PaddingThatStaysVisibleIsSaidTo) {
  EXPECT_EQ(from(walked(causal(), {}, Charset::ascii), "query 2"), R"(
query 2 attends to what it may see, and this mask leaves it visible as a key, too:
padding(token_ids) would hide it.

  key         0      1      2     3
  logit    0.05  -0.01   1.36  1.36
  masked   0.05  -0.01   1.36  -inf
  weight  0.177  0.168  0.655     0
)");
}

TEST(ShapeWalkText, LongRowsShowTheirEndsAndThePlaceOfTheQuery) {
  const BoundMask mask = causal().bind({1, 1, 100, 100});
  const auto keys_of_row = [&](int64_t q) {
    const std::string text = to_string(walk_shapes(mask, {}, {.q = q}));
    std::istringstream line(text.substr(text.find("  key ")));
    std::string keys;
    std::string word;
    for (line >> word; line >> word && word != "logit";) keys += word + " ";
    return keys;
  };
  EXPECT_EQ(keys_of_row(50), "0 1 2 3 … 48 49 50 51 52 … 97 98 99 ");
  EXPECT_EQ(keys_of_row(4), "0 1 2 3 4 5 6 … 97 98 99 ");
  EXPECT_EQ(keys_of_row(99), "0 1 2 3 … 97 98 99 ");
}

}  // namespace
}  // namespace maskwise
