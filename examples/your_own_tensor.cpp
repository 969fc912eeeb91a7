// Your own tensor: a picture class of your own becomes one by specialising tensor_traits, which
// names its element type, shows its elements as a flat span, and makes an empty sibling. Nothing is
// copied, and nothing else in this file knows about it.
//
// The data are one 11 x 7 picture and its like, N(picture, 0.1^2); out of noise it appears again.

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string_view>

#include <diffusion/diffusion.hpp>

namespace mine {

/// Grey values in memory that this class alone takes care of.
class picture {
public:
    picture(std::size_t height, std::size_t width)
        : height_(height), width_(width), grey_(new float[height * width]()) {}

    std::size_t height() const { return height_; }
    std::size_t width() const { return width_; }
    std::size_t size() const { return height_ * width_; }
    float* data() { return grey_.get(); }
    const float* data() const { return grey_.get(); }
    float operator()(std::size_t row, std::size_t column) const {
        return grey_[row * width_ + column];
    }

private:
    std::size_t height_, width_;
    std::unique_ptr<float[]> grey_;
};

}  // namespace mine

template <>
struct diffusion::tensor_traits<mine::picture> {
    using scalar = float;
    static mine::picture like(const mine::picture& x) { return {x.height(), x.width()}; }
    static std::span<float> elements(mine::picture& x) { return {x.data(), x.size()}; }
    static std::span<const float> elements(const mine::picture& x) { return {x.data(), x.size()}; }
};

static_assert(diffusion::tensor<mine::picture>);

int main() {
    constexpr std::string_view drawing =
        "..XXXXXXX.."
        ".X.......X."
        "X..X...X..X"
        "X.........X"
        "X..XXXXX..X"
        ".X.......X."
        "..XXXXXXX..";

    // The exact denoiser for N(mu, 0.1^2): x_0 = mu + k (x - alpha mu), k = 0.01 alpha / variance.
    auto denoiser = [&](const mine::picture& x, const diffusion::node& t, mine::picture& x0) {
        const double pull = 0.01 * t.alpha / (0.01 * t.alpha * t.alpha + t.sigma * t.sigma);
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double mu = drawing[i] == 'X' ? 1 : -1;
            x0.data()[i] = float(mu + pull * (double(x.data()[i]) - t.alpha * mu));
        }
    };

    const diffusion::discrete_schedule<diffusion::linear_beta> schedule;
    const diffusion::multistep sampler(diffusion::ddpm{}, diffusion::leading(schedule, 200));
    const diffusion::gaussian_noise noise{3};
    mine::picture x(7, 11);
    diffusion::draw_prior(x, sampler.grid().front(), noise);

    const auto print = [&](const char* title) {
        std::printf("%s\n", title);
        for (std::size_t row = 0; row < x.height(); ++row) {
            for (std::size_t column = 0; column < x.width(); ++column)
                std::printf(
                    "%c",
                    " .:*#"[std::size_t(std::fmin(std::fmax(2 * x(row, column) + 2.5f, 0), 4))]);
            std::printf("\n");
        }
    };
    print("noise");
    diffusion::sample(x, sampler, denoiser, noise);
    print("picture");

    double squares = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
        squares += std::pow(double(x.data()[i]) - (drawing[i] == 'X' ? 1 : -1), 2);
    const double deviation = std::sqrt(squares / double(x.size()));
    const bool good = std::abs(deviation - 0.1) < 0.03;
    std::printf("standard deviation from the drawing 0.1: %s\n", good ? "yes" : "NO");
    return good ? 0 : 1;
}
