// maskwise show: the masks of a trained model at work, and what it attends to.
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "charset.h"
#include "commands.h"
#include "flags.h"
#include "maskwise/maskwise.h"
#include "maskwise/nn/dataset.h"
#include "maskwise/nn/text_model.h"
#include "report.h"

namespace maskwise::cli {
namespace {

constexpr int64_t kMostLayers = 1000;

// What a line of a drawing may have: a grid of the most cells with its labels.
constexpr int64_t kMostColumns = 120;

struct ShowFlags {
  std::string folder;
  std::vector<std::string> texts;
  std::optional<int64_t> layer;
  std::optional<int64_t> head;
  std::optional<int> threads;
  bool ascii = false;
  bool json = false;
};

// The texts with what the model answers, and its attention to them.
struct Shown {
  std::vector<nn::TextPair> pairs;
  std::vector<nn::AttentionSite> sites;
  int64_t layer = 0;
};

Shown look(const ShowFlags& flags) {
  const std::unique_ptr<nn::TextModel> model =
      nn::load_text_model(flags.folder);
  const nn::Compute compute = {.threads = flags.threads};
  const int64_t last = model->options().layers - 1;
  const int64_t heads = model->options().layer.heads;
  if (flags.head.value_or(0) >= heads) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[show] --head is {}; expected 0 <= head < {}",
                            *flags.head, heads));
  }
  if (flags.layer.value_or(0) > last) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[show] --layer is {}; expected 0 <= layer <= {}",
                            *flags.layer, last));
  }
  const std::vector<std::string> answers = model->predict(
      flags.texts, {.unknown = nn::UnknownSymbols::refuse}, compute);
  Shown shown = {.pairs = {}, .sites = {}, .layer = flags.layer.value_or(last)};
  std::vector<nn::TextExample> examples;
  for (size_t i = 0; i < answers.size(); ++i) {
    shown.pairs.push_back({flags.texts[i], answers[i]});
    examples.push_back(model->encode(shown.pairs.back()));
  }
  shown.sites = model->attention_sites(examples, shown.layer, compute);
  return shown;
}

std::string title_of(const nn::AttentionSite& site) {
  return site.name == "cross" ? "cross-attention"
                              : site.name + " self-attention";
}

TokenLabels labels_of(const nn::AttentionSite& site) {
  return {.q = site.q_symbols, .k = site.k_symbols};
}

// The masks of one text of the batch, beside each other where there is room.
std::string masks_of(const Shown& shown, int64_t text, Charset charset) {
  std::vector<std::string> drawings;
  for (const nn::AttentionSite& site : shown.sites) {
    // Who has a grid is plain here, and what the signs mean is told once.
    const std::string grid = draw_text(site.mask, {.labels = labels_of(site),
                                                   .charset = charset,
                                                   .batch = text,
                                                   .captions = false});
    drawings.push_back("  " + title_of(site) + "\n  " +
                       to_string(site.mask.mask()).text + "\n\n" + grid);
  }
  return side_by_side(drawings, kMostColumns);
}

// Of one head, or their mean.
Tensor weights_of(const nn::AttentionSite& site, int64_t text,
                  std::optional<int64_t> head) {
  const int64_t heads = site.weights.dim(1);
  const int64_t pairs = site.weights.dim(2) * site.weights.dim(3);
  Tensor chosen(DType::f32, {site.weights.dim(2), site.weights.dim(3)});
  const float* from = site.weights.data<float>() + text * heads * pairs;
  for (int64_t i = 0; i < pairs; ++i) {
    float sum = 0;
    for (int64_t h = 0; h < heads; ++h) sum += from[h * pairs + i];
    chosen.mutable_data<float>()[i] =
        head ? from[*head * pairs + i] : sum / static_cast<float>(heads);
  }
  return chosen;
}

// The last site's: what an answer reads of its text.
std::string attention_of(const Shown& shown, std::optional<int64_t> head,
                         Charset charset) {
  const nn::AttentionSite& site = shown.sites.back();
  std::string text;
  for (size_t i = 0; i < shown.pairs.size(); ++i) {
    text += fmt::format("\"{}\" -> {}\n\n", shown.pairs[i].source,
                        shown.pairs[i].target);
    text += draw_weights(weights_of(site, static_cast<int64_t>(i), head),
                         site.q_symbols[i], site.k_symbols[i], charset,
                         kMostColumns);
    text += "\n";
  }
  return text;
}

// The first text that is padded, else the first.
int64_t padded_text(const nn::AttentionSite& site) {
  for (int64_t b = 0; b < site.k_ids.dim(0); ++b) {
    const auto* ids = site.k_ids.data<int64_t>() + b * site.k_ids.dim(1);
    if (ids[site.k_ids.dim(1) - 1] == nn::Vocabulary::kPad) return b;
  }
  return 0;
}

std::string logits_of(const Shown& shown, std::optional<int64_t> head,
                      Charset charset) {
  const nn::AttentionSite& site = shown.sites.front();
  return to_string(walk_shapes(site.mask, site.k_ids,
                               {.labels = labels_of(site),
                                .pad = nn::Vocabulary::kPad,
                                .batch = padded_text(site),
                                .head = head.value_or(0),
                                .q_heads = site.q,
                                .k_heads = site.k}),
                   charset);
}

std::string heading(const std::string& text) { return "== " + text + "\n\n"; }

std::string text_of(const Shown& shown, const ShowFlags& flags) {
  const Charset charset = charset_of(flags.ascii);
  const bool unicode = charset == Charset::unicode;
  std::string text =
      heading("The masks of the batch") +
      fmt::format("{} allowed  {} masked  (rows: queries, columns: keys)\n\n",
                  unicode ? "\u25A0" : "#", unicode ? "\u00B7" : ".");
  for (size_t i = 0; i < shown.pairs.size(); ++i) {
    text += masks_of(shown, static_cast<int64_t>(i), charset) + "\n";
  }
  text += heading(fmt::format(
      "What {} of layer {} attends to, in percent ({})",
      shown.sites.size() > 1 ? "cross-attention" : "self-attention",
      shown.layer,
      flags.head ? fmt::format("head {}", *flags.head) : "mean of the heads"));
  text += attention_of(shown, flags.head, charset);
  return text + heading("How padding becomes a mask in the encoder's logits") +
         logits_of(shown, flags.head, charset);
}

Json json_weights(const nn::AttentionSite& site, int64_t text,
                  std::optional<int64_t> head) {
  const Tensor weights = weights_of(site, text, head);
  Json rows = Json::array();
  for (int64_t q = 0; q < weights.dim(0); ++q) {
    Json row = Json::array();
    for (int64_t k = 0; k < weights.dim(1); ++k) {
      row.push_back(json_number(weights.data<float>()[q * weights.dim(1) + k]));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Json json_of(const Shown& shown, std::optional<int64_t> head) {
  Json texts = Json::array();
  for (size_t i = 0; i < shown.pairs.size(); ++i) {
    Json sites = Json::object();
    for (const nn::AttentionSite& site : shown.sites) {
      sites[site.name] = {
          {"queries", site.q_symbols[i]},
          {"keys", site.k_symbols[i]},
          {"weights", json_weights(site, static_cast<int64_t>(i), head)}};
    }
    texts.push_back({{"text", shown.pairs[i].source},
                     {"answer", shown.pairs[i].target},
                     {"sites", std::move(sites)}});
  }
  Json masks = Json::object();
  for (const nn::AttentionSite& site : shown.sites) {
    masks[site.name] = to_string(site.mask.mask()).text;
  }
  return {{"layer", shown.layer},
          {"head", head ? Json(*head) : Json("mean")},
          {"masks", std::move(masks)},
          {"texts", std::move(texts)}};
}

void show(const ShowFlags& flags) {
  const Shown shown = look(flags);
  if (flags.json) {
    print(json_of(shown, flags.head));
  } else {
    print(text_of(shown, flags));
  }
}

}  // namespace

void add_show(CLI::App& app, int& /*exit_code*/) {
  const auto flags = std::make_shared<ShowFlags>();
  CLI::App* command = add_command(
      app, "show", "The masks of a trained model, and what it attends to",
      "maskwise show model hello hi");
  command->add_option("model", flags->folder, "Folder that train wrote")
      ->type_name("MODEL_DIR")
      ->required();
  command
      ->add_option("texts", flags->texts,
                   "Texts of one batch; the shorter ones are padded")
      ->type_name("TEXT")
      ->required();
  command
      ->add_option("--layer", flags->layer,
                   "Of the weights (default: the last)")
      ->type_name("N")
      ->check(whole_number(0, kMostLayers));
  command
      ->add_option("--head", flags->head,
                   "Of the weights (default: the mean of all)")
      ->type_name("N")
      ->check(whole_number(0, kMostLayers));
  add_threads_flag(*command, flags->threads);
  add_switch(*command, "--ascii", flags->ascii, "Draw with ASCII characters");
  add_json_flag(*command, flags->json);
  command->callback([flags] { show(*flags); });
}

}  // namespace maskwise::cli
