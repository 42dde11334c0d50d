/* Bridged Ethernet (RFC 3518 §4.4) between a bridge port, the outer end of a veth pair, and a PPPoE
 * channel on its inner end, which PPPIOCBRIDGECHAN ties to the L2TP session's:
 *
 *   outer                            inner
 *   [Ethernet]  <- bcp_to_lan   <-   [ff.. key 8864][11 00 sid len][0031][flags 01][Ethernet]
 *   [Ethernet]  ->                   bcp_to_line -> the same
 *
 * What is no plain data goes to the daemon. Nothing here is looked up for plain data. */

// The first one has the types of the others.
// clang-format off
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
// clang-format on

#include "kernel/bcp_abi.h"

#define PROTOCOL_PPPOE 0x8864
#define PPP_BRIDGED 0x0031
#define MAC_ETHERNET 1
#define FLAG_FCS 0x80
#define FLAGS_UNKNOWN 0x70 /* LAN-ID, tinygram, control: the daemon's */
#define PADS 0x0f
#define ETHERNET 14
/* To the daemon, of one session: what a flood may take from the others. */
#define WINDOW_NS 100000000
#define LIMIT 256

struct outer {
  __u8 destination[6], source[6];
  __be16 ethertype;
  __u8 version_type, code;
  __be16 session, length;
  __be16 protocol;
} __attribute__((packed));

struct header {
  struct outer outer;
  __u8 flags, mac_type;
} __attribute__((packed));

_Static_assert(sizeof(struct header) == BCP_HEADER, "header");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u32);
  __type(value, struct bcp_counts);
} counts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 20);
} punts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct bcp_punt);
} scratch SEC(".maps");

static __always_inline struct bcp_counts* counts_of(struct xdp_md* ctx) {
  __u32 key = ctx->ingress_ifindex;
  return bpf_map_lookup_elem(&counts, &key);
}

#define COUNT(ctx, what)                                \
  do {                                                  \
    struct bcp_counts* count_ = counts_of(ctx);         \
    if (count_) __sync_fetch_and_add(&count_->what, 1); \
  } while (0)

static __always_inline int too_fast(struct bcp_counts* count) {
  __u64 now = bpf_ktime_get_ns();
  if (now - count->window > WINDOW_NS) {
    count->window = now;
    count->in_window = 0;
  }
  return ++count->in_window > LIMIT;
}

/* The frame goes to the daemon, or nowhere. */
static __noinline int punt(struct xdp_md* ctx, int flagged) {
  struct bcp_counts* count = counts_of(ctx);
  __u32 zero = 0;
  struct bcp_punt* record = bpf_map_lookup_elem(&scratch, &zero);
  __u64 size = bpf_xdp_get_buff_len(ctx); /* subtracting pointers takes CAP_PERFMON */
  if (!count || !record) return XDP_DROP;
  /* 6.1's verifier believes that a size is not 0 only when its least value is known, as signed: one
   * less is bounded, and then one is added. */
  size -= BCP_OUTER + 1;
  if (too_fast(count)) goto drop;
  asm volatile("" : "+r"(size));
  if (size >= BCP_LONGEST_PUNT) goto drop;
  size += 1;
  if (bpf_xdp_load_bytes(ctx, BCP_OUTER, record->frame, size)) goto drop;
  record->ifindex = ctx->ingress_ifindex;
  record->size = size;
  if (bpf_ringbuf_output(&punts, record, size + __builtin_offsetof(struct bcp_punt, frame), 0))
    goto drop;
  if (flagged)
    __sync_fetch_and_add(&count->flagged, 1);
  else
    __sync_fetch_and_add(&count->control, 1);
  return XDP_DROP;
drop:
  __sync_fetch_and_add(&count->dropped, 1);
  return XDP_DROP;
}

SEC("xdp") int bcp_to_lan(struct xdp_md* ctx) {
  void* data = (void*)(long)ctx->data;
  void* end = (void*)(long)ctx->data_end;
  struct header* header = data;
  if (data + sizeof(struct outer) > end) return XDP_DROP;
  if (header->outer.ethertype != bpf_htons(PROTOCOL_PPPOE)) return XDP_DROP;
  if (header->outer.protocol != bpf_htons(PPP_BRIDGED)) return punt(ctx, 0);
  if (data + BCP_HEADER + ETHERNET > end) {
    COUNT(ctx, malformed);
    return XDP_DROP;
  }
  __u8 flags = header->flags;
  if (flags & FLAGS_UNKNOWN) return punt(ctx, 1);
  if (header->mac_type != MAC_ETHERNET) {
    COUNT(ctx, mac_type);
    return XDP_DROP;
  }
  if (flags) {
    int trim = (flags & PADS) + (flags & FLAG_FCS ? 4 : 0);
    if (bpf_xdp_get_buff_len(ctx) < (__u64)(BCP_HEADER + ETHERNET + trim) ||
        bpf_xdp_adjust_tail(ctx, -trim)) {
      COUNT(ctx, malformed);
      return XDP_DROP;
    }
    if (flags & FLAG_FCS) COUNT(ctx, fcs);
    if (flags & PADS) COUNT(ctx, padded);
  }
  return bpf_xdp_adjust_head(ctx, BCP_HEADER) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int bcp_to_line(struct xdp_md* ctx) {
  static const __u8 key[6] = BCP_KEY_MAC;
  __u32 size = bpf_xdp_get_buff_len(ctx);
  if (bpf_xdp_adjust_head(ctx, -BCP_HEADER)) return XDP_DROP;
  void* data = (void*)(long)ctx->data;
  struct header* header = data;
  if (data + BCP_HEADER > (void*)(long)ctx->data_end) return XDP_DROP;
  /* Broadcast: the kernel has judged the bridged frame's address already, and a frame for another
   * host stays one whatever is written here, unless it is for everybody. */
  __builtin_memset(header->outer.destination, 0xff, 6);
  __builtin_memcpy(header->outer.source, key, 6);
  header->outer.ethertype = bpf_htons(PROTOCOL_PPPOE);
  header->outer.version_type = 0x11;
  header->outer.code = 0;
  header->outer.session = bpf_htons(BCP_PPPOE_ID(ctx->ingress_ifindex));
  header->outer.length = bpf_htons(size + BCP_HEADER - BCP_OUTER);
  header->outer.protocol = bpf_htons(PPP_BRIDGED);
  header->flags = 0;
  header->mac_type = MAC_ETHERNET;
  return XDP_PASS;
}

char _license[] SEC("license") = "LGPL-2.1-or-later";
