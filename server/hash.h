#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace metserve::server {

/// SHA-256 (FIPS 180-4) as 64 lower-case hex digits.
std::string sha256_hex(std::span<const std::uint8_t> bytes);
std::string sha256_hex(std::string_view text);

/// Tells whether an image's bytes are the same as before, after a crash or a resend: the 128 bits of XXH3
/// (xxHash 0.8, what `xxhsum -H2` prints) as 32 lower-case hex digits. Eight times as fast as SHA-256 and not
/// cryptographic: it tells accidents, not forgeries.
std::string content_digest(std::span<const std::uint8_t> bytes);

/// Whether `digest` is that of the bytes: their content_digest or, as earlier versions recorded, SHA-256.
bool is_content(std::string_view digest, std::span<const std::uint8_t> bytes);

/// Whether it is that of the dataset in a part 10 file. Throws Error(io) that names a file that cannot be
/// read.
bool has_content(const std::filesystem::path& file, std::string_view digest);

/// The name under which a study appears in logs, metrics, URLs and paths: the first 16 hex digits of the
/// SHA-256 of its Study Instance UID. Says nothing of the patient and is safe in a path whatever the UID is.
std::string study_key(std::string_view study_instance_uid);

/// The dataset's bytes in a part 10 file (PS3.10 section 7.1): what follows preamble, prefix and file meta
/// information. The meta information differs by sender and time, the dataset does not. The whole file when it
/// does not begin as part 10 says.
std::span<const std::uint8_t> dataset_bytes(std::span<const std::uint8_t> part10);

}  // namespace metserve::server
