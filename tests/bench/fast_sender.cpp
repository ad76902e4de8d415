#include "tests/bench/fast_sender.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include <unistd.h>

namespace metserve::bench {
namespace {

using dicom::test::Bytes;

constexpr const char* mr_image_storage = "1.2.840.10008.5.1.4.1.1.4";
constexpr const char* explicit_little_endian = "1.2.840.10008.1.2.1";
constexpr std::size_t digits = 20;
const std::string uid_root = "2.25.9";

/// Process, sender and image, so that no two runs on one store meet.
std::string uid_digits(int sender, int image) {
  std::array<char, digits + 1> text{};
  std::snprintf(text.data(), text.size(), "1%07d%04d%08d", static_cast<int>(::getpid()), sender, image);
  return {text.data(), digits};
}

/// The largest PDU that an A-ASSOCIATE-AC allows (PS3.8 annex D.1).
std::size_t max_pdu_of(const Bytes& accept) {
  constexpr std::size_t items_begin = 68, largest = 131072;
  const Bytes head = {0x51, 0, 0, 4};
  const auto found = std::search(accept.begin() + items_begin, accept.end(), head.begin(), head.end());
  if (accept.end() - found < 8) throw std::runtime_error("acceptance without a maximum length");
  const std::size_t length =
      std::size_t{found[4]} << 24 | std::size_t{found[5]} << 16 | std::size_t{found[6]} << 8 | found[7];
  return length == 0 ? largest : std::min(length, largest);
}

}  // namespace

std::string FastSender::placeholder() {
  return uid_root + std::string(digits, '7');
}

FastSender::FastSender(std::uint16_t port, const std::string& called_ae_title, const Bytes& dataset,
                       int number)
    : peer_(port), number_(number) {
  using namespace dicom::test;
  peer_.send(associate_rq(mr_image_storage, explicit_little_endian, called_ae_title));
  const auto answer = peer_.receive_pdu();
  if (!answer || answer->first != 0x02) throw std::runtime_error("the association is not accepted");
  const std::size_t fragment_bytes = max_pdu_of(answer->second) - 6;
  message_ = p_data(store_command(mr_image_storage, placeholder()), true, true);
  for (std::size_t begin = 0; begin < dataset.size(); begin += fragment_bytes) {
    const std::size_t end = std::min(begin + fragment_bytes, dataset.size());
    const Bytes fragment(dataset.begin() + static_cast<std::ptrdiff_t>(begin),
                         dataset.begin() + static_cast<std::ptrdiff_t>(end));
    message_ = std::move(message_) + p_data(fragment, false, end == dataset.size());
  }
  const std::string uid = placeholder();
  for (auto at = message_.begin();; ++at) {
    at = std::search(at, message_.end(), uid.begin(), uid.end());
    if (at == message_.end()) break;
    uid_offsets_.push_back(static_cast<std::size_t>(at - message_.begin()) + uid_root.size());
  }
  if (uid_offsets_.size() != 2) throw std::runtime_error("the placeholder must stand in the dataset once");
}

double FastSender::store() {
  const std::string uid = uid_digits(number_, sent_++);
  for (const std::size_t offset : uid_offsets_) {
    std::copy(uid.begin(), uid.end(), message_.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  peer_.send(message_);
  const auto began = std::chrono::steady_clock::now();
  const auto status = peer_.receive_store_status();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
  if (status != 0) throw std::runtime_error("an image was not stored");
  return taken.count();
}

void FastSender::release() {
  peer_.send(Bytes{0x05, 0, 0, 0, 0, 4, 0, 0, 0, 0});
  peer_.receive_pdu();
}

}  // namespace metserve::bench
