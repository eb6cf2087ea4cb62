/* Making the subjects of nodes and managers. */
#include "bus/message_subject.h"

#include <stdio.h>

#include "sys/entropy.h"

static Subject of_node(const char *what, const char *node_id)
{
    Subject s;
    snprintf(s.text, sizeof s.text, "covey.%s.%s", what, node_id);
    return s;
}

static Subject of_manager(const char *what, const ManagerId *manager, const char *node_id)
{
    Subject s;
    snprintf(s.text, sizeof s.text, "covey.%s.%s.%s", what, manager->text, node_id);
    return s;
}

Subject subject_nodes(const char *node_id) { return of_node("nodes", node_id); }
Subject subject_node(const char *node_id) { return of_node("node", node_id); }
Subject subject_chunk(const char *node_id) { return of_node("chunk", node_id); }
Subject subject_manager(const ManagerId *manager, const char *node_id) { return of_manager("manager", manager, node_id); }
Subject subject_object(const ManagerId *manager, const char *node_id) { return of_manager("object", manager, node_id); }

const char *subject_speaker(const char *subject)
{
    const char *dot = strrchr(subject, '.');
    return dot ? dot + 1 : subject;
}

Err manager_id_new(ManagerId *ret_id)
{
    uint64_t number;
    TRY(random_bytes(&number, sizeof number));
    snprintf(ret_id->text, sizeof ret_id->text, "%016llx", (unsigned long long)number);
    return OK;
}
