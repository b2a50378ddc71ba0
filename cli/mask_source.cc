#include "mask_source.h"

#include <fmt/format.h>

#include <limits>
#include <string_view>
#include <utility>

#include "flags.h"
#include "inputs.h"
#include "text_input.h"

namespace maskwise::cli {
namespace {

// Token ids of a file are shown as labels up to this many; a larger batch is
// scaled down in any case, and pairs are told by their numbers.
constexpr int64_t kMostLabels = int64_t{1} << 22;

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorCode::invalid_argument,
              "[explain] " + fmt::format(text, std::forward<Args>(args)...));
}

MaskSource source_of_text(const SourceFlags& flags) {
  TokenBatch batch = load_sentences(*flags.text);
  const AttentionShape shape = {batch.ids.dim(0), flags.heads.value_or(1),
                                batch.ids.dim(1), batch.ids.dim(1)};
  return {{{"token_ids", batch.ids}}, shape, std::move(batch.tokens)};
}

MaskSource source_of_shape(const SourceFlags& flags) {
  if (flags.heads) fail("--heads goes with IN or --text; --shape says H");
  return {{}, parse_shape(*flags.shape)};
}

// The shape that q and k of the file say; nothing when it has not both.
std::optional<AttentionShape> shape_of_heads(const TensorMap& tensors,
                                             const std::string& path) {
  const auto q = tensors.find("q");
  const auto k = tensors.find("k");
  if (q == tensors.end() || k == tensors.end()) return std::nullopt;
  for (const auto& [name, tensor] : {*q, *k}) {
    if (tensor.rank() == 4) continue;
    fail("expected {} [B, H, L, D] in '{}', got {}", name, path,
         to_string(tensor.shape()));
  }
  return AttentionShape{q->second.dim(0), q->second.dim(1), q->second.dim(2),
                        k->second.dim(2)};
}

void check_ids(const TensorView& ids, const std::string& path) {
  if (ids.rank() != 2) {
    fail("expected token_ids [B, L] in '{}', got {}", path,
         to_string(ids.shape()));
  }
  if (is_floating(ids.dtype()) || ids.dtype() == DType::boolean) {
    fail("expected token_ids of type i32 or i64 in '{}', got {}; convert them",
         path, name_of(ids.dtype()));
  }
}

AttentionShape shape_of_file(const SourceFlags& flags,
                             const MaskSource& source) {
  const std::optional<AttentionShape> said =
      shape_of_heads(source.tensors, *flags.input);
  const TensorView ids = source.token_ids();
  if (!said && !ids.defined()) {
    fail(
        "'{}' holds neither token_ids [B, L] nor q and k [B, H, L, D], which "
        "would say the shape",
        *flags.input);
  }
  if (ids.defined()) check_ids(ids, *flags.input);
  if (!said) {
    return {ids.dim(0), flags.heads.value_or(1), ids.dim(1), ids.dim(1)};
  }
  if (flags.heads && *flags.heads != said->heads) {
    fail("--heads is {}, but q in '{}' has {}", *flags.heads, *flags.input,
         said->heads);
  }
  if (ids.defined() && ids.shape() != Shape{said->batch, said->kv_len}) {
    fail("expected token_ids [B, Lk] = [{}, {}] beside k in '{}', got {}",
         said->batch, said->kv_len, *flags.input, to_string(ids.shape()));
  }
  return *said;
}

MaskSource source_of_file(const SourceFlags& flags) {
  MaskSource source = {load_safetensors(*flags.input), {}, {}, *flags.input};
  source.shape = shape_of_file(flags, source);
  return source;
}

}  // namespace

void add_source_flags(CLI::App& command, SourceFlags& flags) {
  command
      .add_option("input", flags.input,
                  "safetensors with token_ids [B,L], or q [B,H,Lq,D] and k "
                  "[B,Hkv,Lk,D], and the tensors that the mask names")
      ->type_name("IN");
  command
      .add_option("--text", flags.text,
                  "A text instead of IN: one sentence a line, split at blanks, "
                  "bound to token_ids with pad 0; blank lines are no sentences "
                  "and not counted")
      ->type_name("FILE");
  command.add_option("--shape", flags.shape, "A shape instead of IN")
      ->type_name("B,H,Lq,Lk");
  command.add_option("--heads", flags.heads, "H with --text or token_ids")
      ->check(whole_number(1, std::numeric_limits<int32_t>::max()))
      ->type_name("N");
}

BoundMask MaskSource::bind(const std::string& text) const {
  return bind_mask(text, shape, tensors, path);
}

TensorView MaskSource::token_ids() const {
  const auto found = tensors.find("token_ids");
  return found == tensors.end() ? TensorView() : found->second.view();
}

std::pair<TensorView, TensorView> MaskSource::heads() const {
  const auto q = tensors.find("q");
  const auto k = tensors.find("k");
  if (q == tensors.end() || k == tensors.end()) return {};
  return {q->second.view(), k->second.view()};
}

TokenLabels MaskSource::labels() const {
  if (shape.q_len != shape.kv_len) return {{}, tokens};
  return {tokens, tokens};
}

MaskSource find_source(const SourceFlags& flags) {
  const int said =
      (flags.input ? 1 : 0) + (flags.text ? 1 : 0) + (flags.shape ? 1 : 0);
  if (said != 1) {
    fail(
        "expected exactly one of IN, --text FILE and --shape B,H,Lq,Lk, got "
        "{}",
        said == 0 ? "none" : "more");
  }
  if (flags.text) return source_of_text(flags);
  return flags.shape ? source_of_shape(flags) : source_of_file(flags);
}

void label_ids(MaskSource& source, int64_t pad) {
  const TensorView ids = source.token_ids();
  if (!ids.defined() || ids.size() > kMostLabels || !source.tokens.empty()) {
    return;
  }
  const std::vector<int64_t> values = to_int64(ids);
  source.tokens.resize(static_cast<size_t>(ids.dim(0)));
  auto id = values.begin();
  for (auto& sentence : source.tokens) {
    for (int64_t i = 0; i < ids.dim(1); ++i, ++id) {
      sentence.push_back(*id == pad ? std::string(kPadToken)
                                    : fmt::format("{}", *id));
    }
  }
}

}  // namespace maskwise::cli
