/**
 * Packets between agent and warden (SOCK_SEQPACKET, fixed-size structures). The agent is less trusted than the warden: every packet
 * is checked against the table in warden/warden.c (which message is legal when), and a wrong one ends the warden, and so every zygote.
 *
 *   TRUST      agent -> warden   a key whose images may run; legal only before the first START
 *   START      agent -> warden   two descriptors: the image file, and the zygote's end of its control socket
 *   KILL       agent -> warden
 *   EVIDENCE   agent -> warden   evidence for a zygote that is ready, over the key broker's nonce; zygote 0: for the node alone, over a manager's
 *   STARTED, REFUSED, ENDED, EVIDENCE_READY (evidence follows the head)     warden -> agent
 */
#pragma once
#include <stdint.h>

#define WARDEN_VERSION 1u
#define WARDEN_SOCKET_FD 3 /* where `covey warden` finds its socket */

typedef enum {
    WARDEN_TRUST = 1,
    WARDEN_START,
    WARDEN_KILL,
    WARDEN_STARTED,
    WARDEN_REFUSED,
    WARDEN_ENDED,
    WARDEN_EVIDENCE,
    WARDEN_EVIDENCE_READY
} WardenType;

typedef struct { uint32_t type, version; uint8_t public_key[32]; } WardenTrust;

/** STAGED: its tasks may claim staged data; only at `process`. KEEPS_CPU: it is one of at least as many zygotes as there are processors, and each
 *  of them keeps to one processor, with its SEEs. */
typedef enum { WARDEN_STAGED = 1, WARDEN_KEEPS_CPU = 2 } WardenStartFlags;

typedef struct {
    uint32_t type;
    uint32_t zygote;          /* chosen by the agent, unique among live ones */
    uint32_t level;
    uint32_t flags;           /* WardenStartFlags */
    uint64_t memory_max;      /* linear memory of one micro-job, bytes; the warden adds the runtime's own need */
    uint64_t slot_bytes_max;  /* what SEEs of this zygote may write into slots, bytes; 0: unknown, no memory cgroup */
    uint8_t measurement[32];  /* the image must have it */
} WardenStart;

typedef struct { uint32_t type, zygote; } WardenKill;
typedef struct { uint32_t type, zygote; int32_t pid; uint32_t cgroup; /* 1: limits are also kept by a cgroup */ } WardenStarted;
typedef struct { uint32_t type, zygote; int32_t code; char text[244]; } WardenRefused; /* code: ErrCode or errno */
typedef struct { uint32_t type, zygote; int32_t status; /* as waitpid */ uint32_t reserved; } WardenEnded;

typedef struct {
    uint32_t type, zygote;
    uint8_t nonce[32];
    uint32_t wish; /* EvidenceKind bits, 0: the best there is */
    uint32_t reserved;
} WardenEvidence;
typedef struct {
    uint32_t type, zygote;
    int32_t code;
    uint32_t size; /* bytes that follow: COSE, or the reason in words when code is not 0 */
} WardenEvidenceReady;

#define WARDEN_PACKET_MAX (72 << 10) /* from the warden */
#define WARDEN_REQUEST_MAX 512       /* to the warden */
