#pragma once

#include <filesystem>
#include <vector>

#include "server/storage.h"
#include "server/store.h"

namespace metserve::server {

/// Where the images lie, in their order. Throws Error(io) that names the first that is gone or whose bytes
/// are not those that came.
std::vector<std::filesystem::path> intact_images(const std::vector<StoredImage>& images,
                                                 const Storage& storage);

}  // namespace metserve::server
