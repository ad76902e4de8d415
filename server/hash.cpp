#include "server/hash.h"

#include <array>
#include <cstddef>
#include <vector>

#include <fcntl.h>
#include <openssl/evp.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "server/error.h"
#include "server/posix_file.h"

namespace metserve::server {
namespace {

std::string in_hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

}  // namespace

std::string sha256_hex(std::span<const std::uint8_t> bytes) {
  static const EVP_MD* const sha256 =
      EVP_MD_fetch(nullptr, "SHA256", nullptr);  // EVP_sha256 looks it up each time
  std::array<std::uint8_t, 32> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, sha256, nullptr) != 1) {
    throw Error(Error::Kind::out_of_resources, "SHA-256 cannot be computed: libcrypto refused");
  }
  return in_hex(digest);
}

std::string sha256_hex(std::string_view text) {
  return sha256_hex(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

std::string content_digest(std::span<const std::uint8_t> bytes) {
  XXH128_canonical_t digest;
  XXH128_canonicalFromHash(&digest, XXH3_128bits(bytes.data(), bytes.size()));
  return in_hex(digest.digest);
}

bool is_content(std::string_view digest, std::span<const std::uint8_t> bytes) {
  constexpr std::size_t sha256_digits = 64;
  return digest == (digest.size() == sha256_digits ? sha256_hex(bytes) : content_digest(bytes));
}

bool has_content(const std::filesystem::path& file, std::string_view digest) {
  const FileDescriptor descriptor(file, O_RDONLY | O_NOFOLLOW);
  std::vector<std::uint8_t> bytes(descriptor.size());
  bytes.resize(descriptor.read_at(0, bytes));
  return is_content(digest, dataset_bytes(bytes));
}

std::string study_key(std::string_view study_instance_uid) {
  return sha256_hex(study_instance_uid).substr(0, 16);
}

std::span<const std::uint8_t> dataset_bytes(std::span<const std::uint8_t> part10) {
  // 128 bytes of preamble, "DICM", then (0002,0000) UL with length 4: explicit VR little endian always.
  constexpr std::size_t prefix = 128, group_length_value = 140, meta_start = 144;
  constexpr std::array<std::uint8_t, 12> expected{'D', 'I', 'C', 'M', 2, 0, 0, 0, 'U', 'L', 4, 0};
  if (part10.size() < meta_start) return part10;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (part10[prefix + i] != expected[i]) return part10;
  }
  std::size_t meta_length = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    meta_length |= static_cast<std::size_t>(part10[group_length_value + i]) << (8 * i);
  }
  if (meta_length > part10.size() - meta_start) return part10;
  return part10.subspan(meta_start + meta_length);
}

}  // namespace metserve::server
