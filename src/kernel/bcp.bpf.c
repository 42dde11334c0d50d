/* Bridged Ethernet (RFC 3518 §4.4) between a bridge port, the outer end of a veth pair, and a PPPoE
 * channel on its inner end, which PPPIOCBRIDGECHAN ties to the L2TP session's:
 *
 *   outer                            inner
 *   [Ethernet]  <- bcp_to_lan   <-   [ff.. key 8864][11 00 sid len][0031][flags 01][Ethernet]
 *   [Ethernet]  ->                   bcp_to_line -> the same
 *
 * What is no plain data goes to the daemon. Nothing here is looked up for plain data, unless the
 * port has limits. */

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
#define TAG_CUSTOMER 0x8100
#define TAG_SERVICE 0x88a8
/* A station that was silent for so long is forgotten, as a bridge does. */
#define FORGOTTEN_NS 300000000000ULL
#define CLEANING_NS 1000000000ULL
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

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct bcp_station);
  __type(value, __u64); /* when it was heard last, in ns */
} stations SEC(".maps");

static __u64 cleaned; /* when silent stations were forgotten last */

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

static __always_inline int admit(struct bcp_rate* rate, __u64 now) {
  __u64 next = rate->next;
  if (!rate->interval) return 1;
  if (next > now + rate->tolerance) return 0;
  rate->next = (next > now ? next : now) + rate->interval;
  return 1;
}

static long forget_silent(void* map, struct bcp_station* station, __u64* heard, void* context) {
  struct bcp_station copy = *station;
  __u64 now = bpf_ktime_get_ns();
  __u32 key = copy.ifindex;
  struct bcp_counts* count = bpf_map_lookup_elem(&counts, &key);
  (void)map;
  (void)context;
  if (count && (now < *heard || now - *heard <= FORGOTTEN_NS)) return 0;
  if (!bpf_map_delete_elem(&stations, &copy) && count) __sync_fetch_and_add(&count->stations, -1);
  return 0;
}

/* Whether this source may send; a new one is written down. */
static __noinline int known(struct bcp_counts* count, struct bcp_station* station, __u64 now) {
  __u64* heard = bpf_map_lookup_elem(&stations, station);
  if (heard) {
    *heard = now;
    return 1;
  }
  if (count->stations >= count->macs && now - cleaned > CLEANING_NS) {
    cleaned = now;
    bpf_for_each_map_elem(&stations, forget_silent, 0, 0);
  }
  if (count->stations >= count->macs || bpf_map_update_elem(&stations, station, &now, BPF_NOEXIST))
    return 0;
  __sync_fetch_and_add(&count->stations, 1);
  return 1;
}

/* To an address of bridges among themselves, which no bridge forwards (IEEE 802.1D, table 7-10). */
static __always_inline int is_reserved(const __u8* frame) {
  return frame[0] == 0x01 && frame[1] == 0x80 && frame[2] == 0xc2 && !frame[3] && !frame[4] &&
         frame[5] < 16;
}

static __always_inline int within_rates(struct bcp_counts* count, const __u8* frame, __u64 now) {
  struct bcp_rate* rate = &count->multicast;
  if (!(frame[0] & 1)) return 1;
  if ((frame[0] & frame[1] & frame[2] & frame[3] & frame[4] & frame[5]) == 0xff)
    rate = &count->broadcast;
  else if (is_reserved(frame))
    rate = &count->reserved;
  if (admit(rate, now)) return 1;
  __sync_fetch_and_add(&count->storm, 1);
  return 0;
}

static __always_inline int may_come(struct xdp_md* ctx, const __u8* frame) {
  struct bcp_counts* count = counts_of(ctx);
  __u64 now = bpf_ktime_get_ns();
  if (!count) return 0;
  if (count->macs && !(frame[6] & 1)) {
    struct bcp_station station;
    station.ifindex = ctx->ingress_ifindex;
    station.address = (__u64)frame[6] << 40 | (__u64)frame[7] << 32 | (__u64)frame[8] << 24 |
                      (__u64)frame[9] << 16 | (__u64)frame[10] << 8 | frame[11];
    if (!known(count, &station, now)) {
      __sync_fetch_and_add(&count->strangers, 1);
      return 0;
    }
  }
  return within_rates(count, frame, now);
}

static __always_inline int may_go(struct xdp_md* ctx, const __u8* frame) {
  struct bcp_counts* count = counts_of(ctx);
  __be16 type = *(const __be16*)(frame + 12);
  if (!count) return 0;
  if (count->no_tags && (type == bpf_htons(TAG_CUSTOMER) || type == bpf_htons(TAG_SERVICE))) {
    __sync_fetch_and_add(&count->tagged, 1);
    return 0;
  }
  if (count->no_bpdus && is_reserved(frame)) {
    __sync_fetch_and_add(&count->bpdus, 1);
    return 0;
  }
  return within_rates(count, frame, bpf_ktime_get_ns());
}

static __always_inline int to_lan(struct xdp_md* ctx, int limited) {
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
  if (limited) {
    data = (void*)(long)ctx->data;
    end = (void*)(long)ctx->data_end;
    if (data + BCP_HEADER + ETHERNET > end || !may_come(ctx, data + BCP_HEADER)) return XDP_DROP;
  }
  return bpf_xdp_adjust_head(ctx, BCP_HEADER) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int bcp_to_lan(struct xdp_md* ctx) { return to_lan(ctx, 0); }

SEC("xdp") int bcp_to_lan_limited(struct xdp_md* ctx) { return to_lan(ctx, 1); }

static __always_inline int to_line(struct xdp_md* ctx) {
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

SEC("xdp") int bcp_to_line(struct xdp_md* ctx) { return to_line(ctx); }

SEC("xdp") int bcp_to_line_limited(struct xdp_md* ctx) {
  void* data = (void*)(long)ctx->data;
  if (data + ETHERNET > (void*)(long)ctx->data_end || !may_go(ctx, data)) return XDP_DROP;
  return to_line(ctx);
}

char _license[] SEC("license") = "LGPL-2.1-or-later";
