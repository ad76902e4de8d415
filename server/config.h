#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/identity.h"
#include "dicom/store_scp.h"
#include "models/lesion_rule.h"
#include "models/slots.h"
#include "pipeline/match.h"
#include "server/journal.h"

namespace metserve::server {

/// One YAML file, parsed and checked completely at start. Every field is documented, with default, unit and
/// range, in docs/configuration.md and deploy/metserve.yaml.

struct StudyConfig {
  std::chrono::seconds quiet_time{60};           ///< no image for so long: the study is complete, 1..3600
  bool require_post_gd_t1 = true;                ///< accept only studies with a T1 after gadolinium
  std::vector<models::Slot> required_sequences;  ///< that must be there in addition
  double minimum_match_confidence = 0.5;         ///< 0..1
  bool follow_up = true;                         ///< compare with the patient's last study that is here
  std::vector<pipeline::SiteRule> series_rules;  ///< tried in order, the first that fits decides
};

struct ModelConfig {
  std::optional<std::filesystem::path> directory;  ///< absent: the bundled model
  models::LesionRuleChanges rule;                  ///< instead of the model's own
  bool allow_torchscript = false;                  ///< a module that is executable code
};

struct WorkerConfig {
  int count = 1;                        ///< studies in work at the same time, 1..64
  std::string device = "cpu";           ///< cpu, cuda or cuda:N
  int threads = 0;                      ///< CPU threads per worker, 0: all cores shared evenly, ..256
  std::chrono::seconds stop_grace{30};  ///< at stop, work in hand may finish for so long, 0..3600
  std::chrono::seconds stuck_after{
      3600};  ///< without a sign of progress; no job needs nearly as long, so no key
};

struct StorageConfig {
  std::filesystem::path directory = "/var/lib/metserve";
  std::uint64_t min_free_bytes = std::uint64_t{2048} << 20;  ///< below it new images are refused
  std::chrono::hours retention{24 * 30};                     ///< of studies that are finished
  JournalOptions journal;                                    ///< of images on their way into the store
};

enum class ObjectKind {
  segmentation,
  structure_set,
  report,
  probability,
  key_images,
  axial,  ///< the structure set on axial images, which are made and sent along where the reference is not
          ///< axial
};

struct RetryConfig {
  std::chrono::seconds first{30};  ///< wait after the first failure, doubled each time, 1..3600
  std::chrono::seconds cap{1800};  ///< longest wait, first..86400
};

/// A DICOM node (host, port, ae_title) or, with a URL, a DICOMweb archive.
struct DestinationConfig {
  std::string name;  ///< letters, digits, '-' and '_', unique
  std::string host;
  std::uint16_t port = 104;
  std::string ae_title;
  std::vector<ObjectKind> objects{ObjectKind::segmentation, ObjectKind::structure_set, ObjectKind::report};
  RetryConfig retry;
  bool storage_commitment = false;             ///< delivered only when the node has committed to keep it
  std::chrono::seconds commitment_wait{3600};  ///< for the report, before it is asked again, 10..604800
  std::string url{};                           ///< of the DICOMweb service, without /studies
  std::filesystem::path ca_file{};             ///< PEM; empty: the system's list
  std::filesystem::path authorization_file{};  ///< its line is the Authorization header; empty: none
  std::optional<dicom::TlsOptions> tls{};      ///< of a DICOM node; absent: in the clear
};

struct HttpConfig {
  std::string bind_address = "127.0.0.1";
  std::uint16_t port = 8080;           ///< 0: any free port
  std::filesystem::path token_file{};  ///< lines "NAME TOKEN"; empty: everybody may look, on loopback only
};

struct IdentityConfig {
  std::string uid_root{dicom::uuid_uid_root};
  int series_number_offset = 9000;  ///< 1..99990
};

struct ResultConfig {
  bool all_frames = false;  ///< of segmentations, also those that hold nothing
};

enum class LogLevel { debug, info, warning, error };
enum class LogFormat { text, json };

struct LogConfig {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  std::optional<std::filesystem::path> file;  ///< absent: standard error
};

struct AuditConfig {
  std::optional<std::filesystem::path> file;  ///< absent: no audit trail
};

struct Config {
  dicom::StoreScpOptions dicom;
  std::optional<dicom::TlsOptions> tls;  ///< of `dicom`; absent: in the clear
  StudyConfig study;
  ModelConfig model;
  WorkerConfig workers;
  StorageConfig storage;
  std::vector<DestinationConfig> destinations;
  HttpConfig http;
  IdentityConfig identity;
  ResultConfig results;
  LogConfig log;
  AuditConfig audit;
};

/// Throws Error(bad_call) whose text has one line for each mistake in the file: file, line, key, what is
/// wrong and, for an unknown key or value, the nearest valid one.
Config load_config(const std::filesystem::path& file);

/// The same for text that came from elsewhere; `name` stands for the file in messages.
Config parse_config(const std::string& text, const std::string& name);

}  // namespace metserve::server
