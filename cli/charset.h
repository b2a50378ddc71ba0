// Which characters drawings are made of.
#ifndef MASKWISE_CLI_CHARSET_H_
#define MASKWISE_CLI_CHARSET_H_

#include "maskwise/maskwise.h"

namespace maskwise::cli {

// Unicode unless ASCII is asked for or the terminal's locale cannot show it.
Charset charset_of(bool ascii);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_CHARSET_H_
