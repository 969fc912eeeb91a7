#include <diffusion/io/file.hpp>

#include "support.hpp"

#include <sys/resource.h>
#include <csignal>

#include <string>
#include <string_view>
#include <system_error>

using namespace diffusion::io;
using namespace io_test;

TEST_CASE("A file comes back byte for byte, also an empty one") {
    const temporary_folder folder;
    for (const std::string_view text : {std::string_view(""), std::string_view("a\0b\n", 4)}) {
        write_file(folder / "x", to_bytes(text));
        CHECK(read_file(folder / "x") == to_bytes(text));
    }
    CHECK(folder.count() == 1);
}

TEST_CASE("A file that cannot be read is named, with the reason") {
    const temporary_folder folder;
    const std::string name = (folder / "nothing.npy").string();
    const format_error missing = refusal([&] { read_file(name); });
    CHECK(missing.file() == name);
    CHECK(missing.offset() == 0);
    CHECK(missing.reason() == "the file does not exist");
    CHECK(std::string(missing.what()) ==
          "diffusion::io: " + name + ": byte 0: the file does not exist");

    check_refused([&] { read_file(folder.path()); }, 0, "this is not a regular file");
    check_refused([&] { read_file("/dev/zero"); }, 0, "this is not a regular file");
}

TEST_CASE("A file that was not committed leaves the old one, and no temporary") {
    const temporary_folder folder;
    write_file(folder / "x", to_bytes("old"));
    {
        atomic_file file(folder / "x");
        file.write("new");
        CHECK(folder.count() == 2);
        CHECK(read_file(folder / "x") == to_bytes("old"));
    }
    CHECK(read_file(folder / "x") == to_bytes("old"));
    CHECK(folder.count() == 1);
    {
        atomic_file file(folder / "x");
        file.write("new");
        file.commit();
    }
    CHECK(read_file(folder / "x") == to_bytes("new"));
    CHECK(folder.count() == 1);
}

TEST_CASE("A disk that is full leaves the old file, and no temporary") {
    const temporary_folder folder;
    write_file(folder / "x", to_bytes("old"));

    // A limit on the size of files stands for the disk's end.
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit small = before;
    small.rlim_cur = 1000;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    std::string message_large;
    std::string message_small;
    for (const std::size_t size : {std::size_t{1} << 20, std::size_t{2000}}) {
        // The larger fails in write, the smaller stays in the buffer until commit.
        try {
            write_file(folder / "x", bytes(size));
        } catch (const std::filesystem::filesystem_error& error) {
            (size > 2000 ? message_large : message_small) = error.what();
        }
    }
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);

    for (const std::string& message : {message_large, message_small}) {
        CHECK(message.find("the file cannot be written") != std::string::npos);
        CHECK(message.find("File too large") != std::string::npos);
        CHECK(message.find((folder / "x").string()) != std::string::npos);
    }
    CHECK(read_file(folder / "x") == to_bytes("old"));
    CHECK(folder.count() == 1);
}

TEST_CASE("A file that cannot be created is named, with the system's reason") {
    const temporary_folder folder;
    write_file(folder / "file", to_bytes("x"));
    const auto refused = [](const std::filesystem::path& path, std::errc why) {
        try {
            write_file(path, to_bytes("x"));
        } catch (const std::filesystem::filesystem_error& error) {
            CHECK(error.code() == why);
            CHECK(error.path1() == path);
            CHECK(std::string(error.what()).find(error.code().message()) != std::string::npos);
            return;
        }
        FAIL("no exception");
    };
    refused(folder / "no such folder/x", std::errc::no_such_file_or_directory);
    refused(folder / "file/x", std::errc::not_a_directory);
    refused(folder.path(), std::errc::invalid_argument);
    refused("/dev/null", std::errc::invalid_argument);  // renaming would replace the device
    CHECK(std::filesystem::is_character_file("/dev/null"));
}

TEST_CASE("A symbolic link keeps pointing to the file that is replaced, and its permissions stay") {
    const temporary_folder folder;
    namespace fs = std::filesystem;
    write_file(folder / "target", to_bytes("old"));
    fs::permissions(folder / "target", fs::perms::owner_read | fs::perms::owner_write);
    fs::create_symlink("target", folder / "link");
    write_file(folder / "link", to_bytes("new"));
    CHECK(fs::is_symlink(folder / "link"));
    CHECK(read_file(folder / "target") == to_bytes("new"));
    CHECK(fs::status(folder / "target").permissions() ==
          (fs::perms::owner_read | fs::perms::owner_write));
}
