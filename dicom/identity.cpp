#include "dicom/identity.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <utility>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "dicom/error.h"

namespace metserve::dicom {
namespace {

constexpr std::size_t max_uid_length = 64;
// Leaves at least 20 decimal digits, about 66 bits of the hash, behind the longest root.
constexpr std::size_t max_root_length = 43;

bool valid_component(std::string_view component) {
  if (component.empty() || (component.size() > 1 && component.front() == '0')) return false;
  return std::all_of(component.begin(), component.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool valid_root(std::string_view root) {
  if (root.size() < 3 || root.size() > max_root_length || root[0] < '0' || root[0] > '2' || root[1] != '.')
    return false;
  for (std::size_t begin = 0; begin <= root.size();) {
    const std::size_t end = std::min(root.find('.', begin), root.size());
    if (!valid_component(root.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

/// A big-endian unsigned number in decimal digits, without leading zeros.
std::string decimal(const unsigned char* bytes, int length) {
  const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> number(BN_bin2bn(bytes, length, nullptr), BN_free);
  const std::unique_ptr<char, void (*)(char*)> digits(number ? BN_bn2dec(number.get()) : nullptr,
                                                      [](char* text) { OPENSSL_free(text); });
  if (!digits) throw Error(Error::Kind::io, "out of memory while making a UID");
  return digits.get();
}

}  // namespace

UidSource::UidSource(std::string root, std::string_view content) : root_(std::move(root)) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(content.data()), content.size(), hash.data());
  content_hash_.assign(hash.begin(), hash.end());
  if (!valid_root(root_))
    throw Error(Error::Kind::bad_input,
                "UID root '" + root_ + "' is not valid: dotted numbers without leading zeros, at most " +
                    std::to_string(max_root_length) + " characters, e.g. 1.2.826.0.1.3680043.10.999 or 2.25");
}

std::string UidSource::uid(std::string_view role) const {
  std::string message = content_hash_;
  message += role;
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(message.data()), message.size(), hash.data());
  // Version 8 (named by a hash of one's own) and variant of RFC 9562, so that 2.25 really holds a UUID.
  hash[6] = static_cast<unsigned char>((hash[6] & 0x0F) | 0x80);
  hash[8] = static_cast<unsigned char>((hash[8] & 0x3F) | 0x80);
  std::string digits = decimal(hash.data(), 16);
  const std::size_t room = max_uid_length - root_.size() - 1;
  if (digits.size() > room) digits.erase(0, digits.size() - room);
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return root_ + '.' + digits;
}

}  // namespace metserve::dicom
