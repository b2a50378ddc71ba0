// An EncoderClassifier from texts to labels.
#ifndef MASKWISE_TRAINING_CLASSIFIER_MODEL_H_
#define MASKWISE_TRAINING_CLASSIFIER_MODEL_H_

#include <memory>
#include <string>
#include <vector>

#include "maskwise/nn/encoder_classifier.h"
#include "maskwise/nn/text_model.h"
#include "maskwise/nn/vocabulary.h"

namespace maskwise::nn::detail {

class ClassifierModel : public TextModel {
 public:
  ClassifierModel(const TextModelOptions& options, Vocabulary source,
                  std::vector<std::string> labels);

  const TextModelOptions& options() const override { return options_; }
  Module& module() override { return classifier_; }
  Split target_split() const override { return Split::blanks; }
  TextExample encode(const TextPair& pair) const override;
  std::vector<int64_t> encode_source(const std::string& text,
                                     UnknownSymbols unknown) const override;
  UnknownParts unknown_in(const TextPair& pair) const override;
  std::vector<LossSum> losses(const std::vector<TextExample>& examples,
                              const Compute& compute) override;
  LossSum add_gradients(const std::vector<TextExample>& examples,
                        const LossOptions& options,
                        const Compute& compute) override;
  TextGradients gradients(const std::vector<TextExample>& examples,
                          const TextGradientOptions& options,
                          const Compute& compute) override;
  std::vector<AttentionSite> attention_sites(
      const std::vector<TextExample>& examples, int64_t layer,
      const Compute& compute) override;
  std::vector<std::string> predict(const std::vector<std::string>& texts,
                                   const PredictOptions& options,
                                   const Compute& compute) override;
  std::unique_ptr<TextModel> twin() const override;
  void save(const std::string& folder) override;

 private:
  std::unique_ptr<ClassifierModel> sharing() const;  // as twin()

  TextModelOptions options_;
  Vocabulary source_;
  std::vector<std::string> labels_;  // sorted
  EncoderClassifier classifier_;
};

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_TRAINING_CLASSIFIER_MODEL_H_
