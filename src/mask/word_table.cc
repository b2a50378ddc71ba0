#include "mask/word_table.h"

#include "base/fail.h"
#include "maskwise/mask_import.h"

namespace maskwise::detail {
namespace {

constexpr Parameter kAlign = {"align", ParameterKind::align};
constexpr Parameter kOffset = {"offset", ParameterKind::per_batch};

Parameter required(std::string_view name, ParameterKind kind) {
  return {name, kind, Need::required};
}

// A word that takes one tensor.
template <Mask (*make)(const MaskTensor&)>
WordRule tensor_word(std::string_view name) {
  return {name,
          {required("tensor", ParameterKind::tensor)},
          [](const Arguments& a) { return make(a.tensor("tensor")); }};
}

// A word that takes a number for each batch item.
template <Mask (*make)(const PerBatch&)>
WordRule per_batch_word(std::string_view name) {
  return {name,
          {required("n", ParameterKind::per_batch)},
          [](const Arguments& a) { return make(a.per_batch("n")); }};
}

Mask make_documents(const Arguments& arguments) {
  const bool one = arguments.has("ids");
  const bool two = arguments.has("q") && arguments.has("k");
  const bool any_of_two = arguments.has("q") || arguments.has("k");
  if (one ? any_of_two : !two) {
    fail(ErrorCode::invalid_argument, "mask",
         "documents: expected documents(ids) or documents(q=..., k=...)");
  }
  if (one) return documents(arguments.tensor("ids"));
  return documents(arguments.tensor("q"), arguments.tensor("k"));
}

Mask make_window(const Arguments& arguments) {
  Position position = arguments.position();
  return sliding_window({arguments.integer("left"), arguments.integer("right"),
                         position.align, std::move(position.offset)});
}

std::vector<WordRule> position_words() {
  using enum ParameterKind;
  return {
      {"causal",
       {kAlign, kOffset},
       [](const Arguments& a) { return causal(a.position()); }},
      {"sliding_window",
       {{"left", integer}, {"right", integer}, kAlign, kOffset},
       make_window},
      {"dilated",
       {required("stride", integer), kAlign, kOffset},
       [](const Arguments& a) {
         return dilated(*a.integer("stride"), a.position());
       }},
      {"chunked",
       {required("size", integer), kAlign, kOffset},
       [](const Arguments& a) {
         return chunked(*a.integer("size"), a.position());
       }},
  };
}

std::vector<WordRule> data_words() {
  using enum ParameterKind;
  return {
      per_batch_word<prefix>("prefix"),
      per_batch_word<lengths>("lengths"),
      per_batch_word<q_lengths>("q_lengths"),
      {"padding",
       {required("ids", tensor), {"pad", integer}},
       [](const Arguments& a) {
         return padding(a.tensor("ids"), {a.integer("pad").value_or(0)});
       }},
      {"documents",
       {{"ids", tensor}, {"q", tensor}, {"k", tensor}},
       make_documents},
      tensor_word<allow>("allow"),
      tensor_word<forbid>("forbid"),
      tensor_word<allow_keys>("allow_keys"),
      tensor_word<forbid_keys>("forbid_keys"),
      {"blocks",
       {required("tensor", tensor), {"size", integer}},
       [](const Arguments& a) {
         return blocks(a.tensor("tensor"),
                       {a.integer("size").value_or(BlocksOptions{}.size)});
       }},
  };
}

std::vector<WordRule> import_words() {
  return {
      tensor_word<from_torch_key_padding>("from_torch_key_padding"),
      tensor_word<from_torch_attn_mask>("from_torch_attn_mask"),
      tensor_word<from_torch_sdpa_mask>("from_torch_sdpa_mask"),
      tensor_word<from_tf_tutorial>("from_tf_tutorial"),
      tensor_word<from_additive>("from_additive"),
      tensor_word<from_onnx>("from_onnx"),
  };
}

std::vector<WordRule> all_rules() {
  std::vector<WordRule> rules = {
      {"all", {}, [](const Arguments&) { return all(); }},
      {"none", {}, [](const Arguments&) { return none(); }},
  };
  for (const auto& group : {position_words(), data_words(), import_words()}) {
    rules.insert(rules.end(), group.begin(), group.end());
  }
  rules.push_back({"per_head", {}, nullptr, per_head});
  rules.push_back({"per_batch", {}, nullptr, per_batch});
  return rules;
}

}  // namespace

std::optional<int64_t> Arguments::integer(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return std::get<int64_t>(found->second);
}

const PerBatch& Arguments::per_batch(std::string_view name) const {
  return std::get<PerBatch>(values_.at(name));
}

const MaskTensor& Arguments::tensor(std::string_view name) const {
  return std::get<MaskTensor>(values_.at(name));
}

Position Arguments::position() const {
  Position position;
  if (has("align")) position.align = std::get<Align>(values_.at("align"));
  if (has("offset")) position.offset = per_batch("offset");
  return position;
}

const std::vector<WordRule>& word_rules() {
  static const std::vector<WordRule> kRules = all_rules();
  return kRules;
}

}  // namespace maskwise::detail
