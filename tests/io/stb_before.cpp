// A program's own stb, compiled in the same source file before our header.

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>

#include <diffusion/io/png.hpp>

#include "support.hpp"

using namespace diffusion::io;

TEST_CASE("What our writer writes, stb_image reads, and the other way round") {
    image picture{13, 7, 3, {}};
    for (unsigned i = 0; i < 13 * 7 * 3; ++i) {
        picture.pixels.push_back(static_cast<std::uint8_t>(i * i / 3));
    }
    const std::vector<std::byte> ours = format_png(picture);
    int width = 0;
    int height = 0;
    int channels = 0;
    stbi_uc* theirs =
        stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(ours.data()),
                              static_cast<int>(ours.size()), &width, &height, &channels, 0);
    REQUIRE(theirs != nullptr);
    CHECK(image{static_cast<std::size_t>(height), static_cast<std::size_t>(width),
                static_cast<std::size_t>(channels),
                std::vector<std::uint8_t>(theirs, theirs + picture.pixels.size())} == picture);
    stbi_image_free(theirs);

    int size = 0;
    unsigned char* file = stbi_write_png_to_mem(picture.pixels.data(), 0, 7, 13, 3, &size);
    REQUIRE(file != nullptr);
    CHECK(parse_png(std::as_bytes(std::span(file, static_cast<std::size_t>(size)))) == picture);
    STBIW_FREE(file);
}
