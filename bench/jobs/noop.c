/* The micro-job that does nothing: what is left is the SEE itself. */
int main(void)
{
    return 0;
}
