// <linux/l2tp.h> and <linux/if_pppol2tp.h> bring <linux/in.h>, which agrees with <netinet/in.h>
// only when that one comes first. Here the order cannot be sorted away.
#pragma once

#include <netinet/in.h>
// clang-format off
#include <linux/l2tp.h>
#include <linux/if_pppol2tp.h>
#include <linux/if_pppox.h>
// clang-format on
