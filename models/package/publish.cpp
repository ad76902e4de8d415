#include "models/package/publish.h"

#include <algorithm>
#include <sstream>

#include <ATen/Parallel.h>
#include <torch/types.h>

#include "models/device.h"
#include "models/dropped_components.h"
#include "models/error.h"
#include "models/lesion_rule_choice.h"
#include "models/log_odds.h"
#include "models/networks/network_file.h"
#include "models/package/sha256.h"
#include "models/safetensors.h"
#include "models/side_by_side.h"
#include "models/slot_list.h"
#include "models/text.h"

namespace metserve::models {
namespace {

constexpr double suspected = -8;            // log-odds: slices without a voxel of these have no lesion
constexpr std::size_t fewest_lesions = 10;  // to choose bounds for one subset on

/// Of the studies that show all of `subset`: the others would tell of another subset.
LesionRuleChoice choice_for(SlotSet subset, const Network& network, const std::vector<Study>& studies,
                            const InferenceOptions& inference, double minimum_volume_mm3) {
  std::vector<LesionRuleChoice> of_study(studies.size(), LesionRuleChoice(minimum_volume_mm3));
  side_by_side(studies.size(), studies_at_once(inference.device), [&](std::size_t i) {
    if ((subset & ~studies[i].present).none())
      of_study[i].add(predict(network, studies[i].images, subset, inference), studies[i]);
  });
  LesionRuleChoice choice(minimum_volume_mm3);
  for (const LesionRuleChoice& one : of_study) choice.add(one);
  return choice;
}

/// The most of the network's sequences that one of the studies with lesions shows.
std::size_t most_shown(SlotSet network, const std::vector<Study>& studies) {
  std::size_t most = 0;
  for (const Study& study : studies)
    if (has_lesion(study)) most = std::max(most, (study.present & network).count());
  return most;
}

/// The rule for log-odds that `shift` was added to.
LesionRule moved(LesionRule rule, double shift) {
  rule.threshold = probability_at(log_odds_of(rule.threshold) + shift);
  rule.minimum_peak = probability_at(log_odds_of(rule.minimum_peak) + shift);
  return rule;
}

/// Chooses the manifest's rules on the probabilities of `network`, then moves the network's log-odds so that
/// the threshold becomes 0.5: crops around lesions and weighted positives change how many lesions it expects,
/// and its probabilities are reported to people.
void choose_rule(const Network& network, const std::vector<Study>& validation, const PublishOptions& options,
                 Manifest& manifest, const std::function<void(const std::string&)>& on_progress) {
  InferenceOptions inference;
  inference.device = device_from_name(options.device);
  inference.precision = fast_precision(inference.device);
  if (options.mirrored) inference.mirrored_from = probability_at(suspected);
  network->to(inference.device);
  network->eval();
  const SlotSet known = network->config().subset;
  const std::size_t most = most_shown(known, validation);
  LesionRuleChoice all(options.minimum_volume_mm3);
  std::map<std::string, LesionRuleChoice> by_subset;
  for (SlotSet subset : all_subsets()) {
    if ((subset & ~known).any()) continue;
    on_progress("choosing bounds of a lesion: " + describe(subset));
    const LesionRuleChoice choice =
        choice_for(subset, network, validation, inference, options.minimum_volume_mm3);
    if (subset.count() + 1 >= most) all.add(choice);
    if (choice.lesions() >= fewest_lesions) by_subset.emplace(key(subset), choice);
  }
  const std::optional<LesionRule> rule = all.with_false_positives(options.false_positives);
  if (!rule)
    throw Error(Error::Kind::bad_input, "no peak gives so few false positives on the validation studies");
  manifest.rule = *rule;
  const double shift = -log_odds_of(manifest.rule.threshold);
  for (const auto& [subset, choice] : by_subset)
    if (const auto own = choice.with_false_positives(options.false_positives, rule->minimum_roundness))
      manifest.rules[subset] = moved(*own, shift);
  manifest.rule = moved(manifest.rule, shift);
  if (options.mirrored) manifest.mirrored_from = probability_at(suspected + shift);
  network->add_to_logits(shift);
}

std::map<std::string, ExpectedFigures> expected_of(const std::vector<SubsetFigures>& figures) {
  std::map<std::string, ExpectedFigures> expected;
  for (const SubsetFigures& f : figures)
    if (f.dice.count > 0 && f.sensitivity_large.value)
      expected[key(f.subset)] = {f.dice.mean, *f.sensitivity_large.value, f.false_positives.mean};
  return expected;
}

constexpr const char* how_chosen =
    "threshold and peak depend on the sequences: see model.yaml (chosen on the validation studies for the "
    "lesions found and the mean Dice, less a tenth for every false positive a study, of which at most ";

std::string card_head(const Manifest& m, const PublishOptions& options, std::int64_t parameters) {
  std::ostringstream text;
  text << "# " << m.name << " " << m.version << "\n\n"
       << "**" << m.intended_use << "**\n\n"
       << "| | |\n|---|---|\n"
       << "| network | " << describe(m.network) << ", " << static_cast<double>(parameters / 10'000) / 100
       << " million parameters |\n"
       << "| input | " << m.network.slices << " axial slices of each of BRAVO, CUBE pre, CUBE post, FLAIR; "
       << "256 x 256 pixels of " << m.spacing_mm[0] << " mm, slices of " << m.spacing_mm[2] << " mm"
       << (m.mirrored_from
               ? "; where it suspects a lesion, their mirror images as well, of which the mean is taken"
               : "")
       << " |\n"
       << "| trained on | " << m.training_data << " |\n"
       << "| missing sequences | "
       << (m.network.dropout ? "any non-empty subset: absent ones are zero, the others are multiplied by 4/n"
                             : "trained without input dropout: give it the sequences it was trained on")
       << " |\n"
       << "| lesions are | 26-connected voxels of " << m.rule.minimum_volume_mm3
       << " mm3 or more that reach a threshold and a peak of probability, and a roundness where they have "
          "less than "
       << any_shape_mm3 << " mm3; " << how_chosen << options.false_positives << " were allowed) |\n"
       << "| weights | float16 in safetensors, SHA-256 " << m.weights_sha256 << " |\n\n"
       << "## Limits\n\n"
       << options.limits << "\n\n";
  return text.str();
}

std::string card_table(const TestSet& test, const std::vector<SubsetFigures>& figures) {
  return "## " + test.title + "\n\n" + std::to_string(test.studies.size()) + " studies, " +
         std::to_string(list_lesions(test.studies).size()) + " lesions.\n\n" + to_table(figures) + "\n";
}

constexpr const char* simulated_warning =
    " Simulated studies are easier than patients: figures on them say how the sequences compare, not what to "
    "expect in a clinic.";

constexpr const char* card_legend =
    "Voxel Dice, precision, recall and AUC (inside the head) are means over studies, Dice with the standard "
    "deviation; so is the Dice of those found, of a study's mean over its lesions that are found, each with "
    "what touches it. \"Found\" is the share of lesions that a predicted component of at least the smallest "
    "volume touches: \"large\" of those whose longest diameter is 5 mm or more. False positives are "
    "components of at least the smallest volume that touch no lesion, per study.";

/// Of the tables, and what simulated studies among them mean.
std::string legend_of(const std::vector<TestSet>& tests) {
  const bool simulated = std::any_of(tests.begin(), tests.end(), [](const TestSet& test) {
    return std::any_of(test.studies.begin(), test.studies.end(), [](const Study& s) { return s.simulated; });
  });
  return card_legend + std::string(simulated ? simulated_warning : "") + "\n";
}

}  // namespace

Manifest publish(const std::filesystem::path& weights, const std::vector<Study>& validation,
                 const std::vector<TestSet>& tests, const PublishOptions& options,
                 const std::filesystem::path& directory,
                 const std::function<void(const std::string&)>& on_progress) {
  if (tests.empty()) throw Error(Error::Kind::bad_input, "publish: there is no test set");
  require_lesions(validation);
  if (options.threads > 0) at::set_num_threads(options.threads);
  std::filesystem::create_directories(directory);
  const auto stored = directory / "weights.safetensors";
  const Network trained = load_network(weights);
  const auto metadata = read_safetensors(weights).metadata;
  const auto before = metadata.find(started_from_key), parts = metadata.find(mean_of_key);
  std::map<std::string, std::string> title{{"name", options.name}, {"version", options.version}};
  if (before != metadata.end()) title.insert(*before);
  if (parts != metadata.end()) title.insert(*parts);
  Manifest manifest;
  choose_rule(trained, validation, options, manifest, on_progress);
  save_network(trained, title, true, stored);
  const Network network = load_network(stored);

  manifest.name = options.name;
  manifest.version = options.version;
  manifest.network = network->config();
  manifest.slot_order = ids(SlotSet().set());
  manifest.spacing_mm = {0.9375, 0.9375, 1.0};
  manifest.clahe = options.clahe;
  manifest.intended_use = options.intended_use;
  manifest.training_data = options.training_data;
  if (before != metadata.end()) manifest.training_data += ", on from the weights of " + before->second;
  if (parts != metadata.end()) manifest.training_data += ", the mean of the weights " + parts->second;
  manifest.weights_sha256 = sha256_of(stored);

  write_manifest(manifest,
                 directory / "model.yaml");  // measuring takes long: a kill leaves a package without figures
  std::string card = card_head(manifest, options, parameter_count(*network));
  for (const TestSet& test : tests) {
    on_progress("measuring: " + test.title);
    EvaluationOptions evaluation;
    evaluation.subsets = test.subsets;
    evaluation.whole_subsets = true;
    evaluation.rule_of = [&manifest](SlotSet subset) { return rule_for(manifest, subset); };
    evaluation.device = options.device;
    evaluation.mirrored_from = manifest.mirrored_from;
    const auto figures = evaluate(network, test.studies, evaluation, {});
    if (manifest.expected.empty()) manifest.expected = expected_of(figures);
    card += card_table(test, figures);
  }
  write_text(card + legend_of(tests), directory / "CARD.md");
  write_manifest(manifest, directory / "model.yaml");
  return manifest;
}

}  // namespace metserve::models
