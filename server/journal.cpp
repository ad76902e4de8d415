#include "server/journal.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include <fcntl.h>

#include "server/error.h"
#include "server/hash.h"

namespace metserve::server {
namespace fs = std::filesystem;
namespace {

void write_zeros(FileDescriptor& file, std::uint64_t begin, std::uint64_t end) {
  const std::vector<std::uint8_t> zeros(std::size_t{1} << 20);
  for (; begin < end; begin += std::min<std::uint64_t>(zeros.size(), end - begin)) {
    file.write_at(begin, std::span(zeros).first(std::min<std::uint64_t>(zeros.size(), end - begin)));
  }
}

constexpr std::size_t filed_line_bytes = 96;

/// "NUMBER SHA-256 of it", in one sector.
std::string filed_line(std::uint64_t number) {
  const std::string text = std::to_string(number);
  std::string line = text + " " + sha256_hex(text) + "\n";
  line.resize(filed_line_bytes, ' ');
  return line;
}

}  // namespace

Journal::Segment::Segment(const fs::path& path) : file(path, O_RDWR | O_CREAT | O_NOFOLLOW) {}

Journal::Journal(const fs::path& directory, const JournalOptions& options)
    : options_(options), filed_file_(directory / "filed", O_RDWR | O_CREAT | O_NOFOLLOW) {
  read_filed();
  for (std::size_t i = 0; i < options_.segments; ++i) {
    Segment& segment = segments_.emplace_back(directory / std::to_string(i));
    write_zeros(segment.file, std::min(segment.file.size(), options_.segment_bytes), options_.segment_bytes);
    segment.file.sync();
  }
  sync_directory(directory);
}

void Journal::read_filed() {
  std::string line(filed_line_bytes, ' ');
  filed_file_.read_at(0, std::span(reinterpret_cast<std::uint8_t*>(line.data()), line.size()));
  const std::uint64_t number = std::strtoull(line.c_str(), nullptr, 10);
  // Without a valid note everything is filed again, which changes nothing that is there already.
  if (filed_line(number) == line) filed_ = number;
  number_ = filed_;
}

void Journal::recover(const std::function<void(JournaledImage&&)>& take) {
  std::map<std::uint64_t, JournaledImage> images;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    Segment& segment = segments_[i];
    for (auto found = read_entry(segment.file, 0); found; found = read_entry(segment.file, segment.used)) {
      if (segment.last != 0 && found->number != segment.last + 1) break;
      segment.last = found->number;
      segment.used += found->bytes;
      if (found->number <= filed_) continue;
      const JournalPlace place{i, found->part10_offset, found->record.bytes};
      images[found->number] = {found->number, std::move(found->record), place};
    }
    number_ = std::max(number_, segment.last);
  }
  for (auto& [number, image] : images) take(std::move(image));
}

/// Makes the active segment one that the bytes fit into; false when none is free.
bool Journal::make_room(std::uint64_t bytes) {
  const auto free = [&](const Segment& segment) { return segment.last <= filed_; };
  const auto fits = [&](const Segment& segment) {
    return segment.used == 0 || segment.used + bytes <= options_.segment_bytes;
  };
  if (Segment& now = segments_[active_]; !free(now) && fits(now)) return true;
  const auto found = std::find_if(segments_.begin(), segments_.end(), free);
  if (found == segments_.end()) return false;
  if (found->file.size() > options_.segment_bytes) found->file.resize(options_.segment_bytes);
  found->used = 0;
  active_ = static_cast<std::size_t>(found - segments_.begin());
  return true;
}

std::vector<JournalPlace> Journal::append(std::span<JournalEntry* const> entries,
                                          std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  std::vector<Segment*> written;
  std::vector<JournalPlace> places;
  for (JournalEntry* entry : entries) {
    entry->number = number_ + 1;
    const EncodedEntry encoded = encode(*entry);
    const auto wait = places.empty() ? patience : std::chrono::milliseconds(0);
    if (!filed_more_.wait_for(lock, wait, [&] { return make_room(encoded.bytes); })) break;
    Segment& segment = segments_[active_];
    places.push_back({active_, segment.used + encoded.head.size(), entry->part10.size()});
    segment.file.write_at(segment.used, encoded.head, entry->part10);
    segment.used += encoded.bytes;
    segment.last = ++number_;
    unfiled_.push_back({number_, encoded.bytes});
    unfiled_bytes_ += encoded.bytes;
    if (written.empty() || written.back() != &segment) written.push_back(&segment);
  }
  if (places.empty()) {
    throw Error(Error::Kind::out_of_resources, "the journal is full: the disk does not keep up");
  }
  for (Segment* segment : written) segment->file.sync_data();
  return places;
}

void Journal::read(const JournalPlace& place, std::vector<std::uint8_t>& part10) const {
  part10.resize(place.bytes);
  if (segments_[place.segment].file.read_at(place.offset, part10) < part10.size())
    throw Error(Error::Kind::io, "journal: segment " + std::to_string(place.segment) + " is cut off");
}

void Journal::mark_filed(std::uint64_t number) {
  const std::string line = filed_line(number);
  filed_file_.write_at(0, std::span(reinterpret_cast<const std::uint8_t*>(line.data()), line.size()));
  filed_file_.sync_data();  // images go on being acknowledged meanwhile
  {
    const std::scoped_lock lock(mutex_);
    filed_ = number;
    while (!unfiled_.empty() && unfiled_.front().number <= number) {
      unfiled_bytes_ -= unfiled_.front().bytes;
      unfiled_.pop_front();
    }
    filed_more_.notify_all();
  }
  wipe_where_filed();
}

void Journal::wipe() {
  {
    const std::scoped_lock lock(mutex_);
    for (Segment& segment : segments_) segment.to_wipe = segment.last != 0;
  }
  wipe_where_filed();
}

void Journal::wipe_where_filed() {
  for (Segment& segment : segments_) {
    const std::scoped_lock lock(mutex_);  // images come in between
    if (!segment.to_wipe || segment.last > filed_) continue;
    write_zeros(segment.file, 0, segment.file.size());
    segment.file.sync_data();
    segment.used = segment.last = 0;
    segment.to_wipe = false;
  }
}

}  // namespace metserve::server
