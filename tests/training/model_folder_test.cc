#include "training/model_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "maskwise/io.h"
#include "tests/base/thrown_error.h"
#include "tests/io/temporary_directory.h"
#include "tests/training/tiny_text_models.h"
#include "training/json_file.h"

namespace maskwise::testing {
namespace {

using nn::Task;
using nn::detail::Json;
using nn::detail::StoredOptions;

// A folder with a model of each test's own, whose files are spoilt and mended.
class ModelFolder : public ::testing::Test {
 protected:
  void save(Task task) { tiny_model(task)->save(folder()); }

  // Without the slash at its end.
  std::string folder() const {
    const std::string path = directory_.path();
    return path.substr(0, path.size() - 1);
  }

  std::string path(const std::string& name) const {
    return directory_.path(name);
  }

  // load_text_model() refuses the folder with one line that names the file.
  void refuses(const std::string& name, const std::string& fragment) const {
    const auto load = [&] { nn::load_text_model(folder()); };
    EXPECT_TRUE(throws_error(ErrorCode::io, "'" + path(name) + "'", load));
    EXPECT_TRUE(throws_error(ErrorCode::io, fragment, load));
  }

  // The same while the file holds these bytes.
  void refuses_bytes(const std::string& name, const std::string& bytes,
                     const std::string& fragment) const {
    const std::string whole = bytes_of(path(name));
    directory_.file(name, bytes);
    refuses(name, fragment);
    directory_.file(name, whole);
  }

  // The same while a member of model.json has this value; the error may name
  // another file that does not fit it.
  void refuses_value(const std::string& key, const Json& value,
                     const std::string& fragment,
                     const std::string& blamed = "model.json") const {
    const std::string whole = bytes_of(path("model.json"));
    Json json = Json::parse(whole);
    json[key] = value;
    directory_.file("model.json", json.dump());
    refuses(blamed, fragment);
    directory_.file("model.json", whole);
  }

  // The parameters as another tool writes them, without digests: only what they
  // hold then says what they fit.
  void forget_digests() const {
    const std::string file = path("model.safetensors");
    save_safetensors(file, load_safetensors(file));
  }

  // The same for one file of JSON as refuses_value() does for model.json.
  void refuses_other(const std::string& name, const std::string& key,
                     const Json& value, const std::string& what) const {
    Json json = Json::parse(bytes_of(path(name)));
    json[key] = value;
    refuses_bytes(name, json.dump(),
                  "holds other " + what + " than '" +
                      path("model.safetensors") +
                      "' was trained with; expected the files of one model: "
                      "copy them together again");
  }

  TemporaryDirectory directory_;
};

TEST_F(ModelFolder, SymbolsOfAnotherModelAreRefusedWhateverTheirNumber) {
  for (const Task task : kBothTasks) {
    save(task);
    for (const std::string name : {"source.json", "target.json"}) {
      if (task == Task::classify && name == "target.json") continue;
      const Json whole = Json::parse(bytes_of(path(name)));
      Json turned = whole["symbols"];
      std::reverse(turned.begin(), turned.end());
      Json longer = whole["symbols"];
      longer.push_back("z");
      refuses_other(name, "symbols", turned, "symbols");
      refuses_other(name, "symbols", longer, "symbols");
      refuses_other(name, "split", "blanks", "symbols");
    }
    EXPECT_NE(nn::load_text_model(folder()), nullptr);
  }
}

TEST_F(ModelFolder, LabelsAndSettingsOfAnotherModelAreRefused) {
  save(Task::classify);
  refuses_other("model.json", "labels", {"No", "yes"}, "labels");
  refuses_other("model.json", "labels", {"no", "perhaps", "yes"}, "labels");
  for (const Task task : kBothTasks) {
    save(task);
    const std::pair<std::string, Json> others[] = {
        {"heads", 4},           {"layers", 2},   {"features", 32},
        {"hidden", 16},         {"kv_heads", 1}, {"activation", "gelu"},
        {"norm_order", "post"}, {"norm", "rms"}, {"eps", 1e-4},
        {"rotary_base", 100.5}};
    for (const auto& [key, value] : others) {
      refuses_other("model.json", key, value, "settings");
      refuses_value(key, value,
                    "again, or undo what was changed: only dropout, max_length "
                    "and longest_answer may be");
    }
  }
}

TEST_F(ModelFolder, SettingsThatOnlyLimitMayBeChanged) {
  save(Task::seq2seq);
  Json json = Json::parse(bytes_of(path("model.json")));
  json["dropout"] = 0.5;
  json["max_length"] = 30;
  json["longest_answer"] = 3;
  directory_.file("model.json", json.dump());
  const auto model = nn::load_text_model(folder());
  EXPECT_EQ(model->options().layer.dropout, 0.5);
  EXPECT_EQ(model->options().max_length, 30);
  EXPECT_EQ(model->options().longest_answer, 3);
}

TEST_F(ModelFolder, ParametersWithoutDigestsFitWhatTheirSizesFit) {
  save(Task::seq2seq);
  const std::string file = path("model.safetensors");
  const SafetensorsMetadata digests = load_safetensors_metadata(file);
  EXPECT_EQ(digests.size(), 3U);
  const auto change = [&](const std::string& key, const Json& value) {
    Json json = Json::parse(bytes_of(path("model.json")));
    json[key] = value;
    directory_.file("model.json", json.dump());
  };
  forget_digests();
  change("activation", "gelu");
  EXPECT_NE(nn::load_text_model(folder()), nullptr);
  // Of another tool's text nothing is asked.
  SafetensorsMetadata other = {{"format", "pt"}};
  save_safetensors(file, load_safetensors(file), other);
  EXPECT_NE(nn::load_text_model(folder()), nullptr);
  // Each digest is asked for by itself.
  other["maskwise.source"] = digests.at("maskwise.source");
  save_safetensors(file, load_safetensors(file), other);
  EXPECT_NE(nn::load_text_model(folder()), nullptr);
  other["maskwise.source"] = "0";
  save_safetensors(file, load_safetensors(file), other);
  refuses("source.json", "holds other symbols");
}

TEST_F(ModelFolder, HoldsEveryOption) {
  StoredOptions stored;
  stored.options = {.task = Task::classify,
                    .layers = 3,
                    .layer = {.features = 24,
                              .heads = 6,
                              .kv_heads = 2,
                              .hidden = 40,
                              .activation = nn::Activation::swiglu,
                              .norm_order = nn::NormOrder::pre,
                              .norm = nn::NormKind::rms,
                              .eps = 1e-6F,
                              .dropout = 0.15},
                    .max_length = 77,
                    .longest_answer = 9};
  stored.labels = {"no", "yes, \"ä\"\n"};
  nn::detail::save_options(directory_.path(), stored);
  const auto [options, labels] = nn::detail::load_options(directory_.path());
  EXPECT_EQ(options.task, Task::classify);
  EXPECT_EQ(options.layers, 3);
  EXPECT_EQ(options.layer.features, 24);
  EXPECT_EQ(options.layer.heads, 6);
  EXPECT_EQ(options.layer.kv_heads, 2);
  EXPECT_EQ(options.layer.hidden, 40);
  EXPECT_EQ(options.layer.activation, nn::Activation::swiglu);
  EXPECT_EQ(options.layer.norm_order, nn::NormOrder::pre);
  EXPECT_EQ(options.layer.norm, nn::NormKind::rms);
  EXPECT_EQ(options.layer.eps, 1e-6F);
  EXPECT_EQ(options.layer.dropout, 0.15);
  EXPECT_EQ(options.max_length, 77);
  EXPECT_EQ(options.longest_answer, 9);
  EXPECT_EQ(labels, stored.labels);
}

TEST_F(ModelFolder, AFileThatIsMissingCutOrOfAnotherKindIsNamed) {
  for (const Task task : kBothTasks) {
    save(task);
    nn::load_text_model(folder());
    for (const std::string& name : directory_.names()) {
      if (task == Task::classify && name == "target.json") continue;
      SCOPED_TRACE(name);
      const std::string whole = bytes_of(path(name));
      for (const size_t size :
           {size_t{0}, size_t{5}, whole.size() / 2, whole.size() - 3}) {
        refuses_bytes(name, whole.substr(0, size), name);
      }
      refuses_bytes(name, "no model", name);
      refuses_bytes(name, "[1, 2]", name);
      std::filesystem::remove(path(name));
      refuses(name, "No such file");
      directory_.file(name, whole);
    }
  }
}

TEST_F(ModelFolder, FilesOfOneKindInThePlaceOfAnotherAreRefused) {
  save(Task::seq2seq);
  const std::string model = bytes_of(path("model.json"));
  const std::string symbols = bytes_of(path("source.json"));
  refuses_bytes("model.json", symbols,
                "format is 'maskwise vocabulary 1'; expected 'maskwise text "
                "model 1'");
  refuses_bytes("source.json", model, "expected 'maskwise vocabulary 1'");
  refuses_bytes("target.json", model, "expected 'maskwise vocabulary 1'");
  EXPECT_TRUE(throws_error(ErrorCode::io, "/none/model.json'",
                           [&] { nn::load_text_model(path("none")); }));
}

TEST_F(ModelFolder, EveryKeyMustBeThereOnceAndOfItsType) {
  save(Task::classify);
  const Json whole = Json::parse(bytes_of(path("model.json")));
  EXPECT_EQ(whole.size(), 16U);
  for (const auto& [key, value] : whole.items()) {
    SCOPED_TRACE(key);
    Json without = whole;
    without.erase(key);
    refuses_bytes("model.json", without.dump(),
                  "'" + key + "'; it is no model");
    refuses_value(key, Json::object(), "'" + key + "'");
    refuses_value(key, nullptr, "'" + key + "'");
    std::string twice = whole.dump();
    twice.insert(1, "\"" + key + "\": " + value.dump() + ", ");
    refuses_bytes("model.json", twice, "the key '" + key + "' comes twice");
  }
}

TEST_F(ModelFolder, WordsAreAnsweredWithTheListOfKnownOnes) {
  save(Task::seq2seq);
  refuses_value("task", "sing\n",
                "task is 'sing\\n'; expected one of: seq2seq");
  refuses_value("activation", "tanh", "expected one of: relu, gelu, swiglu");
  refuses_value("norm_order", "", "expected one of: post, pre");
  refuses_value("norm", "Layer", "expected one of: layer, rms");
}

// Nothing of such a size may be allocated before it is refused.
TEST_F(ModelFolder, SizesThatCannotBeAreRefused) {
  const std::string parameters = "model.safetensors";
  constexpr int64_t kHuge = int64_t{1} << 40U;
  for (const Task task : kBothTasks) {
    save(task);
    forget_digests();
    for (const int64_t none : {int64_t{0}, int64_t{-1}, INT64_MIN}) {
      for (const char* key : {"layers", "features", "heads", "hidden"}) {
        refuses_value(key, none, "expected");
      }
      refuses_value("max_length", none, "max_length");
    }
    for (const int64_t much : {int64_t{80}, kHuge, INT64_MAX}) {
      for (const char* key : {"layers", "features"}) {
        refuses_value(key, much, "numbers; expected at least", parameters);
      }
    }
    for (const int64_t much : {kHuge, INT64_MAX}) {
      refuses_value("max_length", much, "expected from 1 to 16777216");
      refuses_value("longest_answer", much, "to 12, the max_length");
      refuses_value("heads", much, "heads that divide the features");
      refuses_value("hidden", much, "numbers; expected at least", parameters);
      refuses_value("kv_heads", much, "kv heads that divide the heads");
    }
    refuses_value("hidden", 40, "shape [40, 16], got [32, 16]", parameters);
    refuses_value("heads", 3, "16 features and 3 heads; expected heads");
    refuses_value("kv_heads", -1, "kv heads that divide");
    refuses_value("longest_answer", -1, "a longest_answer of -1");
    refuses_value("layers", uint64_t{1} << 63U,
                  "layers is 9223372036854775808");
    refuses_value("eps", -1, "eps is -1");
    refuses_value("eps", 1e300, "eps is inf");
    refuses_value("dropout", 1, "p is 1");
    refuses_value("dropout", -0.5, "p is -0.5");
  }
}

TEST_F(ModelFolder, AnAnswerMayHaveASymbol) {
  save(Task::seq2seq);
  refuses_value("longest_answer", 0, "a longest_answer of 0; expected from 1");
}

TEST_F(ModelFolder, LabelsMustBeSomeTextsInOrder) {
  save(Task::classify);
  forget_digests();
  refuses_value("labels", Json::array(), "no label; expected at least 1");
  refuses_value("labels", {"yes", "no"}, "'no' comes after 'yes'");
  refuses_value("labels", {"yes", "yes"}, "'yes' comes after 'yes'");
  refuses_value("labels", {"no", 1}, "expected texts in 'labels'");
  refuses_value("labels", {"no", "perhaps", "yes"},
                "expected output.weight of shape [3, 16], got [2, 16]",
                "model.safetensors");
}

TEST_F(ModelFolder, VocabulariesAndParametersMustFit) {
  save(Task::seq2seq);
  forget_digests();
  for (const std::string side : {"source", "target"}) {
    const std::string name = side + ".json";
    const std::string whole = bytes_of(path(name));
    Json json = Json::parse(whole);
    json["symbols"].push_back("z");
    directory_.file(name, json.dump());
    refuses("model.safetensors", side + "_embedding.weight of shape [9, 16]");
    directory_.file(name, whole);
  }
  const TensorMap values = load_safetensors(path("model.safetensors"));
  const auto spoilt = [&](const std::function<void(TensorMap&)>& spoil,
                          const std::string& fragment) {
    TensorMap other = values;
    spoil(other);
    save_safetensors(path("model.safetensors"), other);
    refuses("model.safetensors", fragment);
  };
  spoilt([](TensorMap& t) { t.erase("output.bias"); }, "output.bias");
  spoilt([](TensorMap& t) { t["more"] = Tensor(DType::f32, {1}); },
         "more is no parameter");
  spoilt([](TensorMap& t) { t["output.bias"] = Tensor(DType::i64, {8}); },
         "output.bias");
  save_safetensors(path("model.safetensors"), values);
  EXPECT_NE(nn::load_text_model(folder()), nullptr);
}

TEST_F(ModelFolder, AFolderThatIsNotThereIsNotWritten) {
  EXPECT_TRUE(throws_error(ErrorCode::io, path("none"), [&] {
    tiny_model(Task::classify)->save(path("none"));
  }));
  EXPECT_TRUE(directory_.names().empty());
}

TEST_F(ModelFolder, SharedParametersAreInOnePlace) {
  const auto one = tiny_model(Task::classify, 1);
  const auto two = tiny_model(Task::classify, 2);
  EXPECT_FALSE(
      same_tensors(one->module().parameters(), two->module().parameters()));
  nn::detail::share_parameters(one->module(), two->module());
  one->module().parameters().at("output.bias").mutable_data<float>()[0] = 5;
  EXPECT_TRUE(
      same_tensors(one->module().parameters(), two->module().parameters()));
}

}  // namespace
}  // namespace maskwise::testing
