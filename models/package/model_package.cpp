#include "models/model_package.h"

#include <algorithm>
#include <fstream>
#include <set>

#include <yaml-cpp/yaml.h>

#include "models/error.h"
#include "models/package/sha256.h"
#include "models/slot_list.h"

namespace metserve::models {
namespace {

/// Reads the keys of one mapping; at the end says which key of the file was not asked for.
class Reader {
 public:
  Reader(const YAML::Node& node, const std::filesystem::path& file, std::string prefix = "")
      : node_(node), file_(file), prefix_(std::move(prefix)) {
    if (!node.IsMap())
      refuse(prefix_.empty() ? "the manifest" : prefix_.substr(0, prefix_.size() - 1), "is not a mapping",
             node);
  }

  template <typename Value>
  void read(const std::string& key, Value& value) {
    const YAML::Node found = get(key);
    try {
      value = found.as<Value>();
    } catch (const YAML::Exception&) {
      refuse(prefix_ + key, "has a value of the wrong type", found);
    }
  }

  /// Leaves `value` as it is when the key is absent.
  template <typename Value>
  void read_optional(const std::string& key, Value& value) {
    if (has(key)) read(key, value);
  }

  bool has(const std::string& key) const { return static_cast<bool>(node_[key]); }

  YAML::Node get(const std::string& key) {
    known_.insert(key);
    const YAML::Node found = node_[key];
    if (!found) refuse(prefix_ + key, "is missing", node_);
    return found;
  }

  Reader section(const std::string& key) { return {get(key), file_, prefix_ + key + "."}; }

  void finish() const {
    for (const auto& entry : node_)
      if (known_.count(entry.first.as<std::string>()) == 0)
        refuse(prefix_ + entry.first.as<std::string>(), "is not a key of a manifest", entry.first);
  }

  /// A value that does not fit.
  [[noreturn]] void refuse(const std::string& key, const std::string& what) const {
    refuse(prefix_ + key, what, node_[key]);
  }

  [[noreturn]] void refuse(const std::string& key, const std::string& what, const YAML::Node& at) const {
    throw Error(Error::Kind::bad_input,
                file_.string() + ": line " + std::to_string(at.Mark().line + 1) + ": '" + key + "' " + what);
  }

 private:
  YAML::Node node_;
  std::filesystem::path file_;
  std::string prefix_;
  std::set<std::string> known_;
};

void read_network(Reader reader, NetworkConfig& network) {
  reader.read("network", network.network);
  if (!is_torchscript(network)) {
    reader.read("backbone", network.backbone);
    reader.read("output_stride", network.output_stride);
    reader.read("width", network.width);
    reader.read("aspp_channels", network.aspp_channels);
  }
  reader.read("slots", network.slots);
  reader.read("slices", network.slices);
  reader.read_optional("dropout", network.dropout);
  reader.read_optional("dropout_level", network.dropout_level);
  reader.read_optional("end_join", network.end_join);
  reader.read_optional("difference_alone", network.difference_alone);
  std::vector<std::string> subset = ids(network.subset);
  reader.read_optional("subset", subset);
  network.subset = slots_from_ids(subset);
  reader.finish();
}

void read_clahe(Reader reader, ClaheOptions& clahe) {
  reader.read("tiles", clahe.tiles);
  reader.read("bins", clahe.bins);
  reader.read("clip_limit", clahe.clip_limit);
  reader.finish();
}

/// Keys of subsets name their sequences in channel order: others would never be found again.
void require_subset(const Reader& reader, const std::string& name) {
  const std::vector<SlotSet> subsets = all_subsets();
  if (std::none_of(subsets.begin(), subsets.end(), [&](SlotSet subset) { return key(subset) == name; }))
    reader.refuse(name, "is not a subset of " + key(SlotSet().set()) + " in this order");
}

void read_expected(Reader& manifest, Manifest& result) {
  const YAML::Node node = manifest.get("expected");
  Reader section = manifest.section("expected");
  for (const auto& entry : node) {
    const auto subset = entry.first.as<std::string>();
    require_subset(section, subset);
    Reader reader = section.section(subset);
    ExpectedFigures& figures = result.expected[subset];
    reader.read("dice", figures.dice);
    reader.read("sensitivity_5mm", figures.sensitivity_5mm);
    reader.read("false_positives", figures.false_positives);
    reader.finish();
  }
}

void read_bounds(Reader& reader, LesionRule& rule) {
  const auto require = [&](bool holds, const std::string& key, const std::string& what) {
    if (!holds) reader.refuse(key, what);
  };
  reader.read("threshold", rule.threshold);
  reader.read("minimum_peak", rule.minimum_peak);
  reader.read_optional("minimum_roundness", rule.minimum_roundness);
  require(rule.threshold > 0 && rule.threshold < 1, "threshold", "must be between 0 and 1");
  require(rule.minimum_peak >= 0 && rule.minimum_peak <= 1, "minimum_peak", "must be from 0 to 1");
  require(rule.minimum_roundness >= 0 && rule.minimum_roundness <= 1, "minimum_roundness",
          "must be from 0 to 1");
}

/// The subsets' own; `result.rule` is read.
void read_rules(Reader& manifest, Manifest& result) {
  if (!manifest.has("rules")) return;
  Reader section = manifest.section("rules");
  for (const auto& entry : manifest.get("rules")) {
    const auto subset = entry.first.as<std::string>();
    require_subset(section, subset);
    Reader reader = section.section(subset);
    LesionRule& rule = result.rules.emplace(subset, result.rule).first->second;
    read_bounds(reader, rule);
    reader.finish();
  }
}

void check(const Manifest& m, const Reader& reader) {
  const auto require = [&](bool holds, const std::string& key, const std::string& what) {
    if (!holds) reader.refuse(key, what);
  };
  const std::vector<std::string> order = ids(SlotSet().set());
  require(m.slot_order == order, "slot_order", "must be t1_gre_post, t1_se_pre, t1_se_post, flair");
  require(!m.mirrored_from || (*m.mirrored_from >= 0 && *m.mirrored_from < 1), "mirrored_from",
          "must be at least 0 and below 1");
  require(m.rule.minimum_volume_mm3 >= 0, "minimum_volume_mm3", "must not be negative");
  for (double spacing : m.spacing_mm) require(spacing > 0, "spacing_mm", "must be positive");
}

Manifest manifest_from(const YAML::Node& node, const std::filesystem::path& file) {
  Manifest m;
  Reader reader(node, file);
  reader.read("name", m.name);
  reader.read("version", m.version);
  read_network(reader.section("network"), m.network);
  reader.read("slot_order", m.slot_order);
  reader.read("spacing_mm", m.spacing_mm);
  read_clahe(reader.section("clahe"), m.clahe);
  if (reader.has("mirrored_from")) reader.read("mirrored_from", m.mirrored_from.emplace());
  read_bounds(reader, m.rule);
  reader.read("minimum_volume_mm3", m.rule.minimum_volume_mm3);
  read_rules(reader, m);
  reader.read("intended_use", m.intended_use);
  reader.read("training_data", m.training_data);
  reader.read("weights_sha256", m.weights_sha256);
  read_expected(reader, m);
  reader.finish();
  check(m, reader);
  return m;
}

Manifest read_manifest(const std::filesystem::path& file) {
  try {
    return manifest_from(YAML::LoadFile(file.string()), file);
  } catch (const YAML::BadFile&) {
    throw Error(Error::Kind::io, file.string() + ": cannot be opened");
  } catch (const YAML::Exception& error) {  // no YAML, or a key that is no text
    throw Error(Error::Kind::bad_input, file.string() + ": " + error.what());
  }
}

}  // namespace

LesionRule rule_for(const Manifest& manifest, SlotSet subset) {
  const auto own = manifest.rules.find(key(subset & manifest.network.subset));
  return own != manifest.rules.end() ? own->second : manifest.rule;
}

ModelPackage ModelPackage::load(const std::filesystem::path& directory, bool torchscript_allowed) {
  ModelPackage package{directory, read_manifest(directory / "model.yaml")};
  const auto weights = package.weights_file();
  if (is_torchscript(package.manifest.network) && !torchscript_allowed)
    throw Error(Error::Kind::bad_input, weights.string() +
                                            ": is a TorchScript module, which is executable code: allow it "
                                            "(allow_torchscript) when you trust who made it");
  const std::string found = sha256_of(weights);
  if (found != package.manifest.weights_sha256)
    throw Error(Error::Kind::bad_input, weights.string() + ": its SHA-256 is " + found +
                                            ", the manifest says " + package.manifest.weights_sha256);
  return package;
}

void write_manifest(const Manifest& m, const std::filesystem::path& file) {
  YAML::Emitter out;
  out.SetDoublePrecision(6);
  out << YAML::BeginMap;
  const auto entry = [&out](const char* key, const auto& value) {
    out << YAML::Key << key << YAML::Value << value;
  };
  entry("name", m.name);
  entry("version", m.version);
  out << YAML::Key << "network" << YAML::Value << YAML::BeginMap;
  entry("network", m.network.network);
  entry("backbone", m.network.backbone);
  entry("output_stride", m.network.output_stride);
  entry("width", m.network.width);
  entry("aspp_channels", m.network.aspp_channels);
  entry("slots", m.network.slots);
  entry("slices", m.network.slices);
  const NetworkConfig usual;
  if (m.network.dropout != usual.dropout) entry("dropout", m.network.dropout);
  if (m.network.dropout_level != usual.dropout_level) entry("dropout_level", m.network.dropout_level);
  if (m.network.end_join != usual.end_join) entry("end_join", m.network.end_join);
  if (m.network.difference_alone != usual.difference_alone)
    entry("difference_alone", m.network.difference_alone);
  if (m.network.subset != usual.subset) entry("subset", ids(m.network.subset));
  out << YAML::EndMap;
  entry("slot_order", m.slot_order);
  out << YAML::Key << "spacing_mm" << YAML::Value << YAML::Flow << YAML::BeginSeq;
  for (double spacing : m.spacing_mm) out << spacing;
  out << YAML::EndSeq;
  out << YAML::Key << "clahe" << YAML::Value << YAML::BeginMap;
  entry("tiles", m.clahe.tiles);
  entry("bins", m.clahe.bins);
  entry("clip_limit", m.clahe.clip_limit);
  out << YAML::EndMap;
  if (m.mirrored_from) entry("mirrored_from", *m.mirrored_from);
  const auto bounds = [&](const LesionRule& rule) {
    entry("threshold", rule.threshold);
    out << YAML::Key << "minimum_peak" << YAML::Value << YAML::DoublePrecision(17)
        << rule.minimum_peak;  // near 1, where every digit counts
    entry("minimum_roundness", rule.minimum_roundness);
  };
  bounds(m.rule);
  entry("minimum_volume_mm3", m.rule.minimum_volume_mm3);
  if (!m.rules.empty()) {
    out << YAML::Key << "rules" << YAML::Value << YAML::BeginMap;
    for (const auto& [subset, rule] : m.rules) {
      out << YAML::Key << subset << YAML::Value << YAML::BeginMap;
      bounds(rule);
      out << YAML::EndMap;
    }
    out << YAML::EndMap;
  }
  entry("intended_use", m.intended_use);
  entry("training_data", m.training_data);
  entry("weights_sha256", m.weights_sha256);
  out << YAML::Key << "expected" << YAML::Value << YAML::BeginMap;
  for (const auto& [subset, figures] : m.expected) {
    out << YAML::Key << subset << YAML::Value << YAML::BeginMap;
    entry("dice", figures.dice);
    entry("sensitivity_5mm", figures.sensitivity_5mm);
    entry("false_positives", figures.false_positives);
    out << YAML::EndMap;
  }
  out << YAML::EndMap << YAML::EndMap;
  std::ofstream stream(file, std::ios::trunc);
  stream << out.c_str() << '\n';
  if (!stream.flush()) throw Error(Error::Kind::io, file.string() + ": cannot be written");
}

}  // namespace metserve::models
