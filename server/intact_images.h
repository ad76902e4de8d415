#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "server/storage.h"
#include "server/store.h"

namespace metserve::server {

/// Where the images lie, in their order; calls `before_each` before each is read. Throws Error(io) that names
/// the first that is gone or whose bytes are not those that came.
std::vector<std::filesystem::path> intact_images(const std::vector<StoredImage>& images,
                                                 const Storage& storage,
                                                 const std::function<void()>& before_each = {});

}  // namespace metserve::server
