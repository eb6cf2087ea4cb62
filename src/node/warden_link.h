/**
 * The agent's side of warden/protocol.h: starts `covey warden`, asks it for zygotes, reads what it says. The warden is trusted more than
 * the agent, but it may die at any moment, and what it says is checked like everything else.
 */
#pragma once
#include <sys/types.h>

#include "crypto/sign.h"
#include "warden/protocol.h"

typedef struct {
    const char *program;          /* borrowed */
    const TrustedKeys *trusted;   /* borrowed */
    const char *config_dir;       /* borrowed; where the warden finds the node's key; NULL: it has none and gives no evidence */
    int socket;                   /* -1: no warden */
    int pid_fd;
    uint8_t *packet;              /* the last one received */
} WardenLink;

typedef struct {
    WardenType type;              /* STARTED, REFUSED, ENDED or EVIDENCE_READY */
    uint32_t zygote;
    int32_t code;                 /* REFUSED, and EVIDENCE_READY without evidence: an ErrCode or errno */
    int32_t status;               /* ENDED */
    char text[sizeof((WardenRefused *)0)->text]; /* with a code: printable */
    View evidence;                /* EVIDENCE_READY: not empty when there is no code; borrowed from the packet */
} WardenReport;

WardenLink warden_link_none(const char *program, const TrustedKeys *trusted);
/** Starts the warden and tells it the trusted keys. */
MUST_USE Err warden_link_open(WardenLink *w, Diag *diag);
/** Asks the warden to end (it kills and reaps every zygote first), and kills it when it does not within two seconds. */
void warden_link_close(WardenLink *w);
/** Kills the warden at once; its zygotes die with it. */
void warden_link_kill(WardenLink *w);

/** Both descriptors stay the caller's. errors: ERR_CLOSED, ERR_BUSY */
MUST_USE Err warden_link_start(WardenLink *w, const WardenStart *start, int image_fd, int channel_fd);
MUST_USE Err warden_link_end(WardenLink *w, uint32_t zygote);

/** Asks for evidence about a zygote over the appraiser's nonce; wish: EvidenceKind bits, 0: the best there is. errors: ERR_CLOSED, ERR_BUSY */
MUST_USE Err warden_link_evidence(WardenLink *w, uint32_t zygote, const uint8_t nonce[32], uint32_t wish);

/** The next report; its evidence is borrowed until the next call. errors: ERR_BUSY when there is none, ERR_CLOSED, ERR_PROTOCOL */
MUST_USE Err warden_link_receive(WardenLink *w, WardenReport *ret_report);
/** One packet from the warden. Pure. errors: ERR_PROTOCOL */
MUST_USE Err warden_get_report(View packet, WardenReport *ret_report);
