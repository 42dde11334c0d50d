/* What bcp.bpf.c and the daemon share. C, for both. */
#pragma once

#include <linux/types.h>

enum {
  BCP_OUTER = 20,         /* Ethernet and PPPoE header between the two veth ends */
  BCP_HEADER = 24,        /* those, the PPP protocol, flags and MAC type */
  BCP_LONGEST_PUNT = 4096 /* octets of a PPP frame that is handed to the daemon */
};

/* Names the PPPoE session on the inner end; one constant does for all, the interface tells them
 * apart. Source address of what bcp_to_line makes, peer address of the PPPoE socket. */
#define BCP_KEY_MAC \
  { 0x02, 0, 0, 0, 0, 0x01 }

/* The PPPoE session id of an inner end; 0 and 0xffff are none. */
#define BCP_PPPOE_ID(ifindex) ((__u16)(1 + ((ifindex)&0x7fff)))

/* One record of the ring: a PPP frame, protocol first. */
struct bcp_punt {
  __u32 ifindex; /* of the outer end */
  __u32 size;
  __u8 frame[BCP_LONGEST_PUNT];
};

/* Evenly spaced frames are `interval` apart; `tolerance` is how much sooner one may come. Both in
 * ns; 0: no limit. */
struct bcp_rate {
  __u64 interval, tolerance;
  __u64 next; /* when the next one is due */
};

/* By the outer end's ifindex; by the inner one's for what may not go to the line.
 * Frames from the line; data that passes untouched counts nothing. */
struct bcp_counts {
  __u64 control;   /* handed to the daemon: not bridged data */
  __u64 flagged;   /* likewise: data with flags that are not undone here */
  __u64 dropped;   /* meant for the daemon, and too fast, too long or no room */
  __u64 mac_type;  /* dropped: not Ethernet */
  __u64 malformed; /* dropped: shorter than its headers */
  __u64 fcs;       /* had an FCS, taken off (never checked) */
  __u64 padded;    /* had pads, taken off */
  __u64 window;    /* for the limit: when it began, in ns, and what went up since */
  __u64 in_window;
  __u64 storm;     /* dropped: more broadcast or multicast than may be */
  __u64 strangers; /* dropped: from an address that is one too many */
  __u64 tagged;    /* not sent: had a VLAN tag */
  __u64 bpdus;     /* not sent: between bridges */
  struct bcp_rate broadcast, multicast, reserved;
  __u64 no_tags, no_bpdus;
  __u64 macs;     /* addresses there may be; 0: any number */
  __u64 stations; /* and how many there are, if they are counted */
};

/* An address that was heard behind a port. Whole words: 6.1 lets nobody without CAP_PERFMON write
 * parts of one on the stack. */
struct bcp_station {
  __u64 ifindex; /* of the outer end */
  __u64 address;
};
