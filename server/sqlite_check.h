#pragma once

#include <filesystem>
#include <string>

namespace metserve::server {

/// Compares what the database of a storage directory records with the files that are there; may run beside
/// the server. `contents`: reads every image and compares its digest, too. Returns what was seen, e.g. "12
/// studies, 3480 images, all there"; of a database of an older program, which is as it was, that the next
/// start brings it up to date. Throws Error(io) that counts what is missing, damaged or recorded by nobody,
/// names the first of each and says what to do; and the one of the server for a database of a newer program.
std::string check_store(const std::filesystem::path& directory, bool contents);

}  // namespace metserve::server
