#include <doctest/doctest.h>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/safetensors.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace nn = diffusion::nn;
namespace io = diffusion::io;

namespace {

/// A file that disappears with the object.
struct temporary {
    std::filesystem::path path;
    explicit temporary(const char* name)
        : path(std::filesystem::temp_directory_path() / (std::string("diffusion_nn_") + name)) {}
    ~temporary() { std::filesystem::remove(path); }
};

std::vector<float> values_of(const nn::parameters<float>& p) {
    return {p.values().begin(), p.values().end()};
}

std::string message_of_load(const std::filesystem::path& path, nn::parameters<float>& model) {
    try {
        nn::load_parameters(path, model);
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return "nothing thrown";
}

/// One step of training on fixed data.
void step(nn::mlp<float>& net, nn::lanes<float>& lanes, nn::adam<float>& adam,
          nn::ema<float>& ema) {
    const std::vector<float> x = {0.1F, -0.4F, 0.7F, 1.5F, -0.2F, 0.3F};
    const std::vector<double> t = {1, 50, 200};
    lanes.train(net.parameters(), 3, [&](nn::tape<float>& tape, std::size_t first, std::size_t n) {
        const auto in = tape.constant({n, 1, 1, 2}, x.data() + 2 * first);
        return nn::mse_loss(net(in, std::span(t).subspan(first, n)),
                            std::span(x).subspan(2 * first, 2 * n));
    });
    adam.step(1e-2);
    ema.update();
}

}  // namespace

TEST_CASE("what is saved and loaded has the same bits, and the metadata comes along") {
    const temporary file("round_trip");
    nn::mlp<float> one({.hidden = 12}, 1), other({.hidden = 12}, 2);
    CHECK(values_of(one.parameters()) != values_of(other.parameters()));
    nn::save_parameters(file.path, one.parameters(), {{"schedule", "cosine"}});
    const auto metadata = nn::load_parameters(file.path, other.parameters());
    CHECK(metadata.at("schedule") == "cosine");
    CHECK(values_of(one.parameters()) == values_of(other.parameters()));
}

TEST_CASE(
    "files hold convolutions as (out, in, row, column) and linear maps as (out, in), as PyTorch") {
    const temporary file("order");
    nn::parameters<float> model(3);
    const auto conv = model.add_convolution("conv", {1, 1, 1, 2, 5, 3, 1}, nn::initial::normal(1));
    const auto map = model.add("map", {2, 3}, nn::parameter_layout::linear, nn::initial::normal(1));
    nn::save_parameters(file.path, model);
    const io::safetensors_file read = io::read_safetensors(file.path);
    CHECK(read.at("conv").shape == std::vector<std::size_t>{5, 2, 3, 3});
    CHECK(read.at("map").shape == std::vector<std::size_t>{3, 2});
    const std::vector<float> w = read.at("conv").values<float>();
    for (std::size_t o = 0; o < 5; ++o)
        for (std::size_t i = 0; i < 2; ++i)
            for (std::size_t k = 0; k < 9; ++k)
                CHECK(w[(o * 2 + i) * 9 + k] == conv.values()[(k * 2 + i) * 5 + o]);
    const std::vector<float> m = read.at("map").values<float>();
    for (std::size_t o = 0; o < 3; ++o)
        for (std::size_t i = 0; i < 2; ++i) CHECK(m[o * 2 + i] == map.values()[i * 3 + o]);
}

TEST_CASE("a file that does not fit names every tensor that is missing, extra or misshaped") {
    const temporary path("faults");
    nn::parameters<float> model(3);
    model.add("a", {2, 3}, nn::parameter_layout::linear, nn::initial::one());
    model.add("b", {4}, nn::parameter_layout::plain, nn::initial::one());
    io::safetensors_file file;
    file.add("a", {2, 3}, std::vector<float>(6));
    file.add("c", {1}, std::vector<float>(1));
    io::write_safetensors(path.path, file);
    const std::vector<float> before = values_of(model);
    const std::string message = message_of_load(path.path, model);
    CHECK(message.find("misshaped: a is (2, 3) in the file, (3, 2) in the model") !=
          std::string::npos);
    CHECK(message.find("missing: b (4)") != std::string::npos);
    CHECK(message.find("extra: c (1)") != std::string::npos);
    CHECK(values_of(model) == before);
}

TEST_CASE("training that was saved and resumed equals training without interruption, bit for bit") {
    const temporary file("resume");
    nn::lanes<float> lanes(1);
    nn::mlp<float> net({.hidden = 12}, 1), fresh({.hidden = 12}, 9);
    nn::adam<float> adam(net.parameters()), fresh_adam(fresh.parameters());
    nn::ema<float> ema(net.parameters()), fresh_ema(fresh.parameters());
    for (int i = 0; i < 3; ++i) step(net, lanes, adam, ema);
    nn::save_training(file.path, net.parameters(), adam, ema, {{"epoch", "7"}});
    CHECK(nn::load_training(file.path, fresh.parameters(), fresh_adam, fresh_ema).at("epoch") ==
          "7");
    for (int i = 0; i < 3; ++i) step(net, lanes, adam, ema);
    for (int i = 0; i < 3; ++i) step(fresh, lanes, fresh_adam, fresh_ema);
    CHECK(values_of(net.parameters()) == values_of(fresh.parameters()));
    CHECK(std::ranges::equal(ema.values(), fresh_ema.values()));
    CHECK(adam.steps() == fresh_adam.steps());
}
