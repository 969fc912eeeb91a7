// A program's own stb, with settings of its own, in the same source file after our header.

#include <diffusion/io/png.hpp>

#ifdef STB_IMAGE_WRITE_IMPLEMENTATION
#error "our header leaves stb's switches on"
#endif

#include <cstdlib>

namespace {
int allocations = 0;
void* counted(std::size_t size) {
    ++allocations;
    return std::malloc(size);
}
}  // namespace

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBIW_MALLOC(size) counted(size)
#define STBIW_REALLOC(memory, size) std::realloc(memory, size)
#define STBIW_FREE(memory) std::free(memory)
#include <stb/stb_image_write.h>

#include "support.hpp"

using namespace diffusion::io;

TEST_CASE("A program's own settings of stb are not ours, and ours are not the program's") {
    const image picture{2, 3, 1, {1, 2, 3, 4, 5, 6}};
    stbi_flip_vertically_on_write(1);
    const std::vector<std::byte> ours = format_png(picture);
    CHECK(allocations == 0);
    CHECK(parse_png(ours) == picture);

    int size = 0;
    unsigned char* file = stbi_write_png_to_mem(picture.pixels.data(), 0, 3, 2, 1, &size);
    CHECK(allocations > 0);
    REQUIRE(file != nullptr);
    CHECK(parse_png(std::as_bytes(std::span(file, static_cast<std::size_t>(size)))) ==
          image{2, 3, 1, {4, 5, 6, 1, 2, 3}});
    STBIW_FREE(file);
}
