// A static program without our fixes, to prove that the traps of test_hosts.py would spring:
//   trap name   looks a name up; dies in a foreign name service module
//   trap tls    sets up TLS; fails because of the host's openssl.cnf
#include <netdb.h>
#include <openssl/ssl.h>
#include <string.h>

int main(int count, char** words)
{
    if (count == 2 && strcmp(words[1], "name") == 0) {
        struct addrinfo* found = 0;
        return getaddrinfo("nowhere.test", "80", 0, &found) == 0 ? 0 : 1;
    }
    if (count == 2 && strcmp(words[1], "tls") == 0) return SSL_CTX_new(TLS_method()) ? 0 : 1;
    return 2;
}
