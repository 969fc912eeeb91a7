#include <diffusion/io/mapped_file.hpp>

#include "allocations.hpp"
#include "support.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>

using namespace diffusion::io;
using namespace io_test;

TEST_CASE("A mapped file shows the bytes that are in the file") {
    const temporary_folder folder;
    const bytes content = to_bytes("twelve bytes");
    write_file(folder / "x", content);
    const mapped_file mapped(folder / "x");
    CHECK(std::ranges::equal(mapped.bytes(), content));
    CHECK(reinterpret_cast<std::uintptr_t>(mapped.bytes().data()) % alignof(std::max_align_t) == 0);
    write_file(folder / "empty", {});
    CHECK(mapped_file(folder / "empty").bytes().empty());
}

#ifdef DIFFUSION_IO_HAS_MMAP
TEST_CASE("A mapped file takes no memory of its own, however large it is") {
    const temporary_folder folder;
    write_file(folder / "x", to_bytes("a gigabyte, nearly all of it a hole"));
    std::filesystem::resize_file(folder / "x", 1u << 30);
    largest_allocation = 0;
    const mapped_file mapped(folder / "x");
    CHECK(largest_allocation < 65536);
    CHECK(mapped.bytes().size() == 1u << 30);
    CHECK(mapped.bytes()[1] == std::byte{' '});
    CHECK(mapped.bytes().back() == std::byte{0});
}
#endif

TEST_CASE("It is noticed when a mapped file was changed, replaced or removed") {
    const temporary_folder folder;
    write_file(folder / "x", to_bytes("content"));
    const mapped_file mapped(folder / "x");
    CHECK_FALSE(mapped.changed());
    const auto time = std::filesystem::last_write_time(folder / "x");
    std::filesystem::last_write_time(folder / "x", time + std::chrono::seconds(1));
    CHECK(mapped.changed());
    std::filesystem::last_write_time(folder / "x", time);
    CHECK_FALSE(mapped.changed());
    std::filesystem::resize_file(folder / "x", 8);
    std::filesystem::last_write_time(folder / "x", time);
    CHECK(mapped.changed());
    std::filesystem::remove(folder / "x");
    CHECK(mapped.changed());
}

TEST_CASE("What is not a readable regular file is refused with its name") {
    const temporary_folder folder;
    const format_error error = refusal([&] { mapped_file(folder / "nothing"); });
    CHECK(error.file() == (folder / "nothing").string());
    CHECK(error.reason() == "the file does not exist");
    check_refused([&] { mapped_file mapped(folder.path()); }, 0, "this is not a regular file");
    check_refused([] { mapped_file mapped("/dev/null"); }, 0, "this is not a regular file");
}
