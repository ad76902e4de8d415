#include "server/sqlite_check.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "server/error.h"
#include "server/hash.h"
#include "server/sqlite_database.h"
#include "server/sqlite_schema.h"

namespace metserve::server {
namespace fs = std::filesystem;
namespace {

constexpr std::chrono::seconds settling{2};  ///< what a running server is about to record or to delete

struct Recorded {
  std::string file, digest;
  std::uint64_t bytes = 0;
  bool knows_bytes = true;
};

struct Findings {
  std::set<std::string> missing, damaged, unknown;
  std::size_t studies = 0, images = 0;
  bool any() const { return !missing.empty() || !damaged.empty() || !unknown.empty(); }
};

std::map<std::string, std::uint64_t> files_below(const fs::path& directory) {
  std::map<std::string, std::uint64_t> files;
  std::error_code gone;
  for (const auto& entry : fs::recursive_directory_iterator(directory / "images")) {
    if (entry.is_regular_file(gone)) files[fs::relative(entry.path(), directory)] = entry.file_size(gone);
  }
  return files;
}

std::vector<Recorded> recorded_in(Database& database) {
  std::vector<Recorded> all;
  Query used = database.query("SELECT file, digest, bytes FROM instances");
  while (used.step())
    all.push_back({used.text(0), used.text(1), static_cast<std::uint64_t>(used.integer(2))});
  Query kept = database.query("SELECT file, digest FROM conflicts");
  while (kept.step()) all.push_back({kept.text(0), kept.text(1), 0, false});
  return all;
}

/// Files first, records then: what is filed meanwhile is in both.
Findings compare(const fs::path& directory, Database& database, bool contents) {
  Findings found;
  auto files = files_below(directory);
  for (const Recorded& image : recorded_in(database)) {
    ++found.images;
    const auto file = files.extract(image.file);
    std::error_code gone;
    if (!file && !fs::exists(directory / image.file, gone)) {
      found.missing.insert(image.file);
    } else if ((file && image.knows_bytes && file.mapped() != image.bytes) ||
               (contents && !has_content(directory / image.file, image.digest))) {
      found.damaged.insert(image.file);
    }
  }
  for (const auto& [file, bytes] : files) found.unknown.insert(file);
  Query studies = database.query("SELECT COUNT(*) FROM studies");
  if (studies.step()) found.studies = static_cast<std::size_t>(studies.integer(0));
  return found;
}

std::set<std::string> in_both(const std::set<std::string>& first, const std::set<std::string>& second) {
  std::set<std::string> both;
  std::set_intersection(first.begin(), first.end(), second.begin(), second.end(),
                        std::inserter(both, both.end()));
  return both;
}

std::string no_database(const fs::path& directory) {
  std::error_code none;
  const fs::directory_iterator images(directory / "images", none);
  const auto studies = std::distance(images, fs::directory_iterator());
  if (studies == 0) return "no study yet";
  throw Error(Error::Kind::io, (directory / "metserve.db").string() + ": is not there, though images/ has " +
                                   std::to_string(studies) +
                                   " studies: put its backup there before the next start, which otherwise "
                                   "moves them to lost/");
}

std::string named(const std::set<std::string>& files, const std::string& what) {
  if (files.empty()) return "";
  return std::to_string(files.size()) + " " + what + ", first " + *files.begin() + "; ";
}

}  // namespace

std::string check_store(const fs::path& directory, bool contents) {
  if (!fs::exists(directory / "metserve.db")) return no_database(directory);
  Database database(directory / "metserve.db");
  if (const std::int64_t schema = schema_of(database); schema < current_schema())
    return "schema " + std::to_string(schema) + ", will be brought to " + std::to_string(current_schema()) +
           " at the next start; images are compared from then on";
  Findings found = compare(directory, database, contents);
  if (found.any()) {
    std::this_thread::sleep_for(settling);
    const Findings again = compare(directory, database, contents);
    found.missing = in_both(found.missing, again.missing);
    found.damaged = in_both(found.damaged, again.damaged);
    found.unknown = in_both(found.unknown, again.unknown);
  }
  if (found.any()) {
    throw Error(Error::Kind::io,
                named(found.missing, "images recorded and not there") +
                    named(found.damaged, "images damaged") +
                    named(found.unknown, "files that nobody recorded") +
                    "delete the studies concerned and have them sent again; the folder under images "
                    "is a study's key");
  }
  return std::to_string(found.studies) + " studies, " + std::to_string(found.images) + " images, " +
         (contents ? "all intact" : "all there");
}

}  // namespace metserve::server
