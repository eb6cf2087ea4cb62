/* A static program that does nothing: what posix_spawn and bwrap are given to start. */
int main(void)
{
    return 0;
}
