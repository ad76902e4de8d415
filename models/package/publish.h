#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "models/evaluation.h"
#include "models/model_package.h"
#include "models/study.h"

namespace metserve::models {

/// Studies that the card reports in a table of their own.
struct TestSet {
  std::string title;  ///< says what they are, as a heading
  std::vector<Study> studies;
  std::vector<SlotSet> subsets;
};

struct PublishOptions {
  std::string name;  ///< of the model
  std::string version;
  std::string training_data;  ///< one sentence
  std::string intended_use = "Research on the segmentation of brain metastases. Not a medical device.";
  std::string limits;              ///< paragraph of the card: what it was not tested on
  ClaheOptions clahe;              ///< that the training studies were preprocessed with
  bool mirrored = false;           ///< asks about the mirror image as well where a lesion is suspected
  double minimum_volume_mm3 = 10;  ///< of a lesion, >= 0
  double false_positives = 2;      ///< per validation study, that the rules allow, >= 0
  std::string device = "cpu";      ///< that measures
  int threads = 0;                 ///< of the CPU; 0: LibTorch's own choice
};

/// Makes a model package of trained weights. Chooses threshold, peak and roundness on the `validation`
/// studies over all of the network's sequences and each one missing (see LesionRuleChoice), and another
/// threshold and peak for every subset of which these show ten lesions or more; each is measured on the
/// studies that show it whole. Moves the log-odds so that the threshold over all becomes 0.5, stores the
/// weights in half precision, measures what was stored on the first of `tests` for the manifest and on all of
/// them for the card, and writes `model.yaml`, `weights.safetensors` and `CARD.md` into `directory`; the
/// first two also before it measures. `on_progress` is called with a line of text per stage. Throws Error.
Manifest publish(const std::filesystem::path& weights, const std::vector<Study>& validation,
                 const std::vector<TestSet>& tests, const PublishOptions& options,
                 const std::filesystem::path& directory,
                 const std::function<void(const std::string&)>& on_progress);

}  // namespace metserve::models
