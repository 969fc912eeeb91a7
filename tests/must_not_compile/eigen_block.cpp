// expect: copy a block or an expression into a matrix that owns its memory (.eval())
// needs: diffusion::eigen
#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/tensor/eigen.hpp>

#include "support/gaussian_toy.hpp"

void run(Eigen::MatrixXf& pictures, const diffusion::time_grid& grid) {
    const diffusion::multistep plan(diffusion::ddim{}, grid);
#ifdef FIXED
    Eigen::VectorXf first = pictures.col(0);
    diffusion::sample(first, plan, support::gaussian_toy{});
#else
    diffusion::sample(pictures.col(0), plan, support::gaussian_toy{});
#endif
}
