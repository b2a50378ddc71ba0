// Sine, cosine and powers of our own in double, where the C library's may have
// other bits on another machine: the same sequence of operations everywhere.
#ifndef MASKWISE_LAYERS_ANGLES_H_
#define MASKWISE_LAYERS_ANGLES_H_

namespace maskwise::nn::detail {

struct SineCosine {
  double sine = 0;
  double cosine = 0;
};

// Of an angle in radians, |angle| < 2^30; off by 4e-16 at most. Under
// FpEnvironment.
SineCosine sine_cosine(double angle);

// base^exponent for a finite base > 0, as long as the result is a normal
// number; off by 1e-15 of it for each 4 of its logarithm.
double power(double base, double exponent);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_ANGLES_H_
