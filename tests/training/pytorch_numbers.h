// What PyTorch's loss and optimizers give: written by make_pytorch_numbers.py
// with torch 2.15.0+cu132, in float64.
#ifndef MASKWISE_TESTS_TRAINING_PYTORCH_NUMBERS_H_
#define MASKWISE_TESTS_TRAINING_PYTORCH_NUMBERS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "maskwise/nn/optimizer.h"

namespace maskwise::testing {

// Targets {{1, 4, 0}, {3, 0, 0}} of 5 classes; every loss times 0.25.
struct PytorchLoss {
  std::optional<int64_t> pad;
  float smoothing = 0;
  std::vector<double> losses;    // [2, 3]
  std::vector<double> gradient;  // [2, 3, 5]
};

inline const std::vector<PytorchLoss> kPytorchLosses = {
    {{},
     0.0F,
     {0.655508879, 5.05642467, 6.41240954, 2.41936229, 0.135901291, 1.11071319},
     {0.105897592,    -0.120205551,  0.0129541948,  0.000876036258,
      0.000477728241, 0.00352138055, 0.0584434384,  0.158408072,
      0.0280350374,   -0.248407928,  -0.249589734,  0.00164757294,
      0.0290646658,   0.160909819,   0.0579676755,  0.00598201261,
      0.000793163839, 0.00149108696, -0.227755415,  0.219489151,
      -0.0317678014,  0.0172711737,  0.00140064317, 0.00117217108,
      0.0119238135,   -0.167668999,  0.147260053,   0.0188363728,
      0.00114130305,  0.000431269311}},
    {{},
     0.1F,
     {0.91772842, 4.81911673, 6.08094253, 2.52057339, 0.45027875, 1.31919025},
     {0.100897592,    -0.100205551,   0.00795419481,  -0.00412396374,
      -0.00452227176, -0.00147861945, 0.0534434384,   0.153408072,
      0.0230350374,   -0.228407928,   -0.229589734,   -0.00335242706,
      0.0240646658,   0.155909819,    0.0529676755,   0.000982012609,
      -0.00420683616, -0.00350891304, -0.207755415,   0.214489151,
      -0.0117678014,  0.0122711737,   -0.00359935683, -0.00382782892,
      0.00692381354,  -0.147668999,   0.142260053,    0.0138363728,
      -0.00385869695, -0.00456873069}},
    {0,
     0.0F,
     {0.655508879, 5.05642467, 0, 2.41936229, 0, 0},
     {0.105897592,
      -0.120205551,
      0.0129541948,
      0.000876036258,
      0.000477728241,
      0.00352138055,
      0.0584434384,
      0.158408072,
      0.0280350374,
      -0.248407928,
      0,
      0,
      0,
      0,
      0,
      0.00598201261,
      0.000793163839,
      0.00149108696,
      -0.227755415,
      0.219489151,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0}},
    {0,
     0.1F,
     {0.91772842, 4.81911673, 0, 2.52057339, 0, 0},
     {0.100897592,
      -0.100205551,
      0.00795419481,
      -0.00412396374,
      -0.00452227176,
      -0.00147861945,
      0.0534434384,
      0.153408072,
      0.0230350374,
      -0.228407928,
      0,
      0,
      0,
      0,
      0,
      0.000982012609,
      -0.00420683616,
      -0.00350891304,
      -0.207755415,
      0.214489151,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0}},
};

// 5 updates of 4 numbers; the rate of update u is 0.1 / u.
struct PytorchUpdates {
  nn::AdamOptions options;
  std::vector<double> values;  // after the last
};

inline const std::vector<PytorchUpdates> kPytorchUpdates = {
    {{.kind = nn::AdamKind::adam,
      .beta1 = 0.9,
      .beta2 = 0.999,
      .eps = 1e-08,
      .weight_decay = 0.0},
     {0.816656171, 0.415199034, -0.433855076, -0.801700766}},
    {{.kind = nn::AdamKind::adam,
      .beta1 = 0.9,
      .beta2 = 0.98,
      .eps = 1e-09,
      .weight_decay = 0.1},
     {0.810971569, 0.409199094, -0.429138203, -0.796535354}},
    {{.kind = nn::AdamKind::adamw,
      .beta1 = 0.9,
      .beta2 = 0.999,
      .eps = 1e-08,
      .weight_decay = 0.0},
     {0.816656171, 0.415199034, -0.433855076, -0.801700766}},
    {{.kind = nn::AdamKind::adamw,
      .beta1 = 0.9,
      .beta2 = 0.98,
      .eps = 1e-09,
      .weight_decay = 0.1},
     {0.795696368, 0.404358691, -0.423868682, -0.781035981}},
    {{.kind = nn::AdamKind::adamw,
      .beta1 = 0.5,
      .beta2 = 0.75,
      .eps = 0.25,
      .weight_decay = 0.5},
     {0.780276479, 0.419393952, -0.342341407, -0.767536074}},
};

// Gradients of 4 and 3 numbers, those of update 1.
struct PytorchClip {
  double most = 0;
  double norm = 0;
  std::vector<double> gradient;  // of the first
};

inline const std::vector<PytorchClip> kPytorchClips = {
    {0.5, 1.91895024, {0.219252824, 0.236925615, 0.0367700853, -0.197191696}},
    {100.0, 1.91895024, {0.841470957, 0.909297407, 0.141120002, -0.756802499}},
};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_TRAINING_PYTORCH_NUMBERS_H_
