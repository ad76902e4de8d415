#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace metserve::dicom {

/// Wall clock, injected so that tests are deterministic.
using Clock = std::function<std::chrono::system_clock::time_point()>;

/// UIDs below `root` that depend on nothing but what is named, so that the same content run twice gives the
/// same objects. Thread safety: immutable.
class UidSource {
 public:
  /// `root`: the site's UID root without trailing dot. `content`: what the objects are made from, e.g. the
  /// reference series' instance UIDs and the model's hash. Throws Error(bad_input) for an invalid root.
  UidSource(std::string root, std::string_view content);

  /// A valid UID (PS3.5 section 9, at most 64 characters) for this role, e.g. "seg/series".
  std::string uid(std::string_view role) const;

 private:
  std::string root_;
  std::string content_hash_;  ///< SHA-256: the content can be large, and is asked for many UIDs
};

/// The root under which a site without one of its own makes UIDs: 2.25 with the hash as a 128-bit number
/// (PS3.5 annex B.2).
inline constexpr std::string_view uuid_uid_root = "2.25";

}  // namespace metserve::dicom
